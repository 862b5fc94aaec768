//! The words by which tools say what failed, that something failed, and that nothing did: lists with `|` between their
//! items, all in lower case.

/// Whether the text, in lower case, has one of these words somewhere.
pub(super) fn holds(text: &str, list: &str) -> bool {
    list.split(" | ").any(|words| text.contains(words))
}

/// Whether the word is one of these, in upper or lower case.
pub(super) fn is_one_of(word: &str, list: &str) -> bool {
    list.split(" | ").any(|other| word.eq_ignore_ascii_case(other))
}

/// Whether the text is a number.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// These say what failed, wherever they stand in a line.
pub(super) const CAUSES: &str = "access denied for user | address already in use | allowed memory size | \
    an error occurred while installing | assertion failed | authentication failed | \
    cannot allocate memory | cannot find module | cannot find package | cmake error | command not found | \
    compilation error in | conflict ( | connection refused | could not find a required file | \
    could not find gem | could not be resolved to an installable | could not find compatible versions | \
    could not read from remote | could not read username | could not resolve host | \
    couldn't find remote ref | does not satisfy that requirement | eaddrinuse | \
    environment variable not found | exception in thread | failed asserting | is explicitly forbidden | \
    is not recognized as an internal | lockfile needs to be updated | module not found | \
    no matching distribution | no required module provides | no rule to make target | no solution found | \
    no space left on device | no such file or directory | no such image | oom-kill | oom kill | oomkill | \
    out of memory | outdated_lockfile | panicked at | permission denied | pull access denied | \
    rails aborted | rake aborted | repository not found | segmentation fault | sigkill | signal: killed | \
    sqlstate[ | syntax error | unable to locate package | unable to resolve | unbound variable | \
    undefined reference to | unresolved import | version solving failed | was killed | what went wrong";

/// These only repeat that something failed.
pub(super) const CONSEQUENCES: &str = "*** [ | -> [help | a complete log of this run | aborting due to | \
    aborting. | build error | build failed | build stopped | build unsuccessful | command failed | \
    compilation error : | compilation failed | compiled with error | could not compile ` | deploy failed | \
    deployment failed | did not complete successfully | did not run successfully | elifecycle | \
    error location | error message | error occurred while building | executor failed running | exit code | \
    exit status | exited with | exited code | failed at the | failed during stage | \
    failed to build installable | failed to execute goal | failed to push cache | failed to save cache | \
    failed with error | failed with exit | failed, to rerun | find more details | finished with error | \
    for more information | found errors | have failed | job failed | lifecycle script | \
    metadata-generation-failed | mix command failed | non-zero code | non-zero exit | \
    not a problem with npm | not a problem with pip | process completed with | re-run maven | \
    recursive_run_first_fail | returned error code | returned with error code | run failed | \
    script failed | see above | see full trace | see the full stack trace | sigterm | \
    subprocess-exited-with-error | task failed | terminated with | there was an error while | \
    tasks failed | with errors";

/// These turn an error into something that the tool goes on without.
pub(super) const SOFTENED: &str = "(ok) | continuing | fallback | falling back | ignored | ignoring | \
    non-fatal | optional dep | retrying | safely | skipped | skipping | will retry";

/// These often stand in the line that says what failed, and in others as well.
pub(super) const HINTS: &str = "aborted | can not | can't | cannot | conflict | could not | couldn't | \
    denied | does not exist | doesn't exist | failed | failure | forbidden | invalid | is not set | \
    mismatch | missing | must be set | no such | not allowed | not found | not installed | not permitted | \
    refused | rejected | timed out | unable to | unauthorized | unexpected | unhandled | unrecognized | \
    unsupported";

/// After a bare `error`, these make it the name of a thing.
pub(super) const THINGS: &str = "boundary | boundaries | budget | count | handler | handlers | handling | \
    level | log | logging | logs | messages | middleware | monitoring | overlay | page | pages | rate | \
    reporter | reporting | template | templates | tracking | types | view | views";

/// The first words of lines that are not about a failure.
pub(super) const HARMLESS: &str = "debug | deprecated | deprecation | help | hint | info | note | notice | \
    tip | trace | verbose | warn | warning | warnings";

/// The kinds of failure that tools count.
pub(super) const COUNTED: &str = "error | failed | failing | failure | problem";
