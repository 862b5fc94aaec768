//! The integration tests, one binary: what is said on the wire, what the program prints, and the house's rules.
#![cfg(test)]

mod architecture;
mod cli;
mod common;
mod contract;
mod docs;
mod docs_messages;
mod docs_words;
mod dotenv;
mod github;
mod gitlab;
mod platforms;
mod sandbox;
mod secrets;
mod server;
mod text;
mod timing;
mod wire;
