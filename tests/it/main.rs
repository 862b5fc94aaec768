//! The integration tests, one binary: what is said on the wire, what the program prints, and the house's rules.
#![cfg(test)]

mod cli;
mod docs;
mod github;
mod house;
mod sandbox;
mod timing;
