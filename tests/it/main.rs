//! The integration tests, one binary: what is sent on the wire, what the program prints, and the rules of the code.
#![cfg(test)]

mod architecture;
mod cli;
mod common;
mod contract;
mod docs;
mod docs_messages;
mod dotenv;
mod fake_api;
mod github;
mod gitlab;
mod platforms;
mod sandbox;
mod secrets;
mod server;
mod text;
mod timing;
mod wire;
