//! Deployments: what was asked for, and what becomes of it, which follows from the time alone.

use std::time::Duration;

use super::{
    platform::{Moment, Platform, random, short_id},
    scenario::Scenario,
    table::SCENARIOS,
};

/// Who asked for a deployment.
#[derive(Clone)]
pub(super) enum Source {
    /// A deploy hook, called by this URL.
    Hook(String),
    /// The public API.
    Api,
    /// A push to git, an hour before the platform was started.
    Git,
}

/// A deployment, as it was asked for; see [`Course`] for what became of it.
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) environment: String,
    pub(super) source: Source,
    pub(super) created: Moment,
    pub(super) commit: String,
    pub(super) scenario: &'static Scenario,
    /// Orders deployments of the same moment.
    number: usize,
}

/// What a deployment has gone through.
pub(super) struct Course<'a> {
    /// The states so far, upper case, each with when it began.
    pub(super) states: Vec<(&'static str, Moment)>,
    pub(super) ended: Option<Moment>,
    /// The deployment that took this one's place.
    pub(super) superseded_by: Option<&'a str>,
}

impl Course<'_> {
    /// The present state, upper case.
    pub(super) fn state(&self) -> &'static str {
        self.states.last().map_or("PENDING", |(state, _)| state)
    }
}

impl Platform {
    /// Starts a deployment. `separator` is what a generation's ids have between `dp` and the rest.
    pub(super) fn deploy(&mut self, environment: &str, source: Source, separator: char) -> &Deployment {
        let now = self.now();
        self.reads = 0;
        // Somebody else's trigger is written down now, with the moment in which it will have come.
        if let Some(age) = self.scenario.rival_at {
            let at = now + self.scaled(age);
            self.push(environment, Source::Api, separator, at, &SCENARIOS[0]);
        }
        self.push(environment, source, separator, now, self.scenario)
    }

    /// Adds a deployment that had succeeded before the platform was started, as a real environment has one.
    pub(super) fn add_earlier(&mut self, environment: &str, separator: char) {
        let hour_ago = self.now().saturating_sub(Duration::from_hours(1));
        self.push(environment, Source::Git, separator, hour_ago, &SCENARIOS[0]);
    }

    fn push(
        &mut self,
        environment: &str,
        source: Source,
        separator: char,
        created: Moment,
        scenario: &'static Scenario,
    ) -> &Deployment {
        let number = self.deployments.len();
        self.deployments.push(Deployment {
            id: format!("dp{separator}{}", short_id()),
            environment: environment.to_owned(),
            source,
            created,
            commit: random(40, b"0123456789abcdef"),
            scenario,
            number,
        });
        &self.deployments[number]
    }

    /// Every deployment there is at this moment, newest first.
    pub(super) fn deployments(&self, now: Moment) -> Vec<&Deployment> {
        let mut all: Vec<_> = self.deployments.iter().filter(|one| one.created <= now).collect();
        all.sort_unstable_by_key(|one| std::cmp::Reverse((one.created, one.number)));
        all
    }

    /// The deployments that were triggered here, newest first.
    pub(super) fn triggered(&self, now: Moment) -> impl Iterator<Item = &Deployment> {
        self.deployments(now).into_iter().filter(|one| !matches!(one.source, Source::Git))
    }

    /// The environment's newest deployment.
    pub(super) fn newest(&self, environment: &str, now: Moment) -> Option<&Deployment> {
        self.deployments(now).into_iter().find(|one| one.environment == environment)
    }

    /// The deployment of this id.
    pub(super) fn deployment(&self, id: &str, now: Moment) -> Option<&Deployment> {
        self.deployments.iter().find(|one| one.id == id && one.created <= now)
    }

    /// Whether reads may see the deployment: its scenario may hide it for a while, or for good.
    pub(super) fn can_be_read(&self, deployment: &Deployment, now: Moment) -> bool {
        let age = now.saturating_sub(deployment.created).as_secs_f64() * self.speed;
        (deployment.scenario.hidden_until..deployment.scenario.hidden_from).contains(&age)
    }

    /// What the deployment has gone through. A newer one in the same environment ends it if it was not at its
    /// end by then.
    pub(super) fn course(&self, deployment: &Deployment, now: Moment) -> Course<'_> {
        let place = (deployment.created, deployment.number);
        let rival = self
            .deployments
            .iter()
            .filter(|one| one.environment == deployment.environment && one.created <= now)
            .filter(|one| (one.created, one.number) > place)
            .min_by_key(|one| (one.created, one.number));
        let until = rival.map_or(now, |rival| rival.created);
        let mut states = Vec::new();
        let mut at = deployment.created;
        for (state, seconds) in deployment.scenario.stages {
            if at <= until {
                states.push((*state, at));
            }
            at += self.scaled(*seconds);
        }
        let end = deployment.scenario.end.filter(|_| at <= until).map(|end| (end, at));
        let superseded = rival.filter(|_| end.is_none());
        let last = end.or(superseded.map(|rival| ("SUPERSEDED", rival.created)));
        states.extend(last);
        Course {
            states,
            ended: last.map(|(_, at)| at),
            superseded_by: superseded.map(|rival| rival.id.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::scenario::find;

    /// The state of a deployment of this scenario at an age in real seconds.
    fn state(scenario: &str, speed: f64, age: f64) -> &'static str {
        let mut platform = Platform::new(String::new(), speed, find(scenario).unwrap());
        let environment = platform.create_environment();
        platform.deploy(&environment, Source::Api, '-');
        let first = platform.deployments.last().unwrap();
        platform.course(first, first.created + Duration::from_secs_f64(age)).state()
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
    fn each_course_ends_as_its_scenario_says() {
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
        let mut platform = Platform::new(String::new(), 1.0, find("success").unwrap());
        let (here, there) = (platform.create_environment(), platform.create_environment());
        for environment in [&here, &there, &here] {
            platform.deploy(environment, Source::Api, '-');
        }
        let now = platform.now();
        let states: Vec<_> = platform.deployments.iter().map(|one| platform.course(one, now)).collect();
        assert_eq!(states[0].state(), "SUPERSEDED");
        assert_eq!(states[0].superseded_by, Some(platform.deployments[2].id.as_str()));
        assert_eq!(states[1].state(), "PENDING");
        assert_eq!(states[2].state(), "PENDING");
    }
}
