"""Jobs on GitLab's Docker executor (gitlab_runner.py), each with its own sandbox. What is run in each image: the image with the program
alone ignores it. tests/container/gitlab calls it.
"""

import pytest
from gitlab_runner import COMMENT_TOKEN, MAIN, REPORTS, assert_reports, job
from harness import serve_api
from support import ACTION, SHELL

DEPLOY = "exec deploy-hook deploy"


@pytest.mark.parametrize(("image", "script"), [(SHELL, DEPLOY), (ACTION, "echo never run")])
@pytest.mark.parametrize(
    ("how", "code", "wanted", "texts"),
    [
        ({}, 0, {"outcome": "succeeded", "environment_url": MAIN}, ["succeeded"]),
        # The other generation's log cannot be read.
        ({"scenario": "build-fails", "generation": "live"}, 1, {"outcome": "failed"}, ["vite", "failed", "section_start"]),
        ({"variables": {"DEPLOY_HOOK_TIMEOUT": "15"}}, 2, {}, ["Did you mean 15m or 15s?", "Nothing was sent"]),
    ],
)
def test_job(image, script, how, code, wanted, texts):
    """Exit code, log and files of a job; its `after_script`, a second start of the container, triggers nothing and changes no file."""
    with job(image, **how) as (platform, one):
        found, log = one.finish(script)
        assert found == code and all(text in log for text in texts), log
        written, number = one.files(), len(platform.deployments())
        assert_reports(written, *REPORTS, **wanted)
        assert number == (0 if code == 2 else 1)
        # The program's second start ends as its first did; a shell goes by its own script.
        after, log = one.finish("echo after the job")
        assert after == (0 if image == SHELL else code) and ("after the job" in log) == (image == SHELL)
        assert (one.files(), len(platform.deployments())) == (written, number)


# The shell around the program is sent the signal too, and may have its own idea of an exit code.
@pytest.mark.parametrize(
    ("image", "script", "code"),
    [(SHELL, DEPLOY, 143), (ACTION, "echo never run", 143), (SHELL, "deploy-hook deploy", None)],
)
def test_job_canceled(image, script, code):
    """A cancel: closed and written before the runner kills it, and the `after_script` in a new one does nothing."""
    with serve_api(listed=b"[]") as gitlab:
        variables = {"GITLAB_TOKEN": COMMENT_TOKEN, "CI_API_V4_URL": f"{gitlab.url}/api/v4"}
        with job(image, scenario="stuck", variables=variables) as (platform, one):
            platform.secrets.append(COMMENT_TOKEN)
            stage = one.start(script)
            stage.wait_for("building")
            found = one.cancel(stage)
            assert code in (found, None) and "nterrupted" in one.shown(stage)
            written, calls, [deployment] = one.files(), list(gitlab.calls), platform.deployments()
            assert_reports(written, *REPORTS, outcome="interrupted", succeeded="false", deployment_id=deployment["id"])
            assert {call.token for call in calls} == {COMMENT_TOKEN}
            states = [f"{call.path} {call.body}" for call in calls if call.method == "POST"]
            assert "running" in states[0] and "canceled" in states[-1]
            # The container is a new one, whose variables know how the job ended.
            one.variables["CI_JOB_STATUS"] = "canceled"
            assert one.finish("echo after")[0] == 0
            assert (one.files(), len(platform.deployments()), gitlab.calls) == (written, 1, calls)
