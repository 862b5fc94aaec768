//! Tests of `store.rs`.

use super::*;
use crate::sandbox::contract;

/// A store of the default platform.
fn store(name: &str, speed: f64) -> Store {
    let contract = &contract::all()[0];
    let scenario = contract.scenarios().into_iter().find(|scenario| scenario["name"] == name).unwrap();
    Store::new(contract, String::new(), speed, scenario)
}

/// The state of a deployment of this scenario at an age in real seconds.
fn state(scenario: &str, speed: f64, age: f64) -> &'static str {
    let mut store = store(scenario, speed);
    let environment = store.create_environment();
    store.deploy(&environment, TriggeredBy::Api, "[0-9]{6}");
    let first = store.deployments.last().unwrap();
    store.history(first, first.created + Duration::from_secs_f64(age)).state()
}

#[test]
fn the_state_follows_from_the_age() {
    for (age, expected) in [
        (0.0, "PENDING"),
        (3.9, "PENDING"),
        (4.1, "ALLOCATING"),
        (7.1, "SYNCING"),
        (12.1, "BUILDING"),
        (52.1, "DEPLOYING"),
        (64.1, "POST_DEPLOY"),
        (69.9, "POST_DEPLOY"),
        (70.1, "SUCCEEDED"),
        (9e6, "SUCCEEDED"),
    ] {
        assert_eq!(state("success", 1.0, age), expected, "{age} s");
        assert_eq!(state("success", 10.0, age / 10.0), expected, "{age} s, ten times as fast");
    }
}

#[test]
fn each_deployment_ends_as_its_scenario_says() {
    for (scenario, age, expected) in [
        ("instant", 0.0, "SUCCEEDED"),
        ("slow", 1499.0, "POST_DEPLOY"),
        ("slow", 1501.0, "SUCCEEDED"),
        ("stuck", 9e6, "BUILDING"),
        ("build-fails", 38.0, "FAILED"),
        ("post-deploy-fails", 63.0, "DEPLOYING"),
        ("post-deploy-fails", 71.0, "FAILED"),
        ("canceled", 38.0, "CANCELED"),
        ("superseded", 41.9, "BUILDING"),
        ("superseded", 42.1, "SUPERSEDED"),
        ("unknown-state", 13.0, "QUANTUM_FLUX"),
        ("unknown-state", 71.0, "SUCCEEDED"),
    ] {
        assert_eq!(state(scenario, 1.0, age), expected, "{scenario} at {age} s");
    }
}

#[test]
fn a_newer_deployment_ends_an_unfinished_one_of_the_same_environment_only() {
    let mut store = store("success", 1.0);
    let (here, there) = (store.create_environment(), store.create_environment());
    for environment in [&here, &there, &here] {
        store.deploy(environment, TriggeredBy::Api, "[0-9]{6}");
    }
    let now = store.now();
    let histories: Vec<_> = store.deployments.iter().map(|one| store.history(one, now)).collect();
    assert_eq!(histories[0].state(), "SUPERSEDED");
    assert_eq!(histories[0].superseded_by, Some(store.deployments[2].id.as_str()));
    assert_eq!([histories[1].state(), histories[2].state()], ["PENDING", "PENDING"]);
}
