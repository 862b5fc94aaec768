#!/usr/bin/env bash
# Gets the program that belongs to this commit and becomes it. `action.yml` beside it calls it without arguments, which is `deploy`.
#
# Where the program is downloaded from and what its SHA-256 has to be stands in url.txt and checksums.txt, which only the commit of a
# release has: the checksum comes from the commit that the workflow names, never from where the program does. Without these files it
# ends with an error. It keeps nothing but the program, in the job's own temporary folder.
#
# DEPLOY_HOOK_RELEASE_URL is for this script's tests: another place to download from. The checksums stay the same.
set -euo pipefail

# Nothing succeeded, which is what a later step may ask for, and why.
end() {
  [[ -z ${GITHUB_OUTPUT:-} ]] || printf '%s\n' "message=${2:-Interrupted before the program was there. Nothing was triggered.}" succeeded=false >>"$GITHUB_OUTPUT"
  exit "$1"
}

# A job that is canceled is over, also where a command that this script waits for outlives the signal. `exec` takes these back.
trap 'end 130' INT
trap 'end 143' TERM

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# An annotation, where a runner reads what is printed. 2 is a matter of the configuration; 4 is a network that may be better later.
# Nothing was triggered in either case.
fail() {
  local code=$1 message=$2 plain=$2
  if [[ ${GITHUB_ACTIONS:-} == true ]]; then
    message=${message//\%/%25}
    echo "::error title=Deploy Hook::$message"
  else
    echo "deploy-hook: $message" >&2
  fi
  end "$code" "$plain"
}

case ${RUNNER_OS:-}/${RUNNER_ARCH:-} in
  Linux/X64) asset=deploy-hook-linux-x86_64 ;;
  Linux/ARM64) asset=deploy-hook-linux-aarch64 ;;
  macOS/X64) asset=deploy-hook-macos-x86_64 ;;
  macOS/ARM64) asset=deploy-hook-macos-aarch64 ;;
  Windows/X64) asset=deploy-hook-windows-x86_64.exe ;;
  *)
    fail 2 "There is no binary for this runner (${RUNNER_OS:-no RUNNER_OS}, ${RUNNER_ARCH:-no RUNNER_ARCH}). There are: Linux and macOS on X64 and ARM64, Windows on X64."
    ;;
esac

if ! [[ -s $here/checksums.txt && -s $here/url.txt ]]; then
  fail 2 'This commit belongs to no release, so there is no binary of it. Use the commit of a release, or the Action at the root of the repository, which builds from source in Docker.'
fi
expected=$(tr -d '\r' <"$here/checksums.txt" | awk -v name="$asset" '$2 == name { print $1 }')
if ! [[ $expected =~ ^[0-9a-f]{64}$ ]]; then fail 2 "This release has no $asset."; fi
url=${DEPLOY_HOOK_RELEASE_URL:-$(tr -d '\r\n' <"$here/url.txt")}/$asset

if command -v sha256sum >/dev/null; then
  sum=(sha256sum)
elif command -v shasum >/dev/null; then
  sum=(shasum -a 256)
else
  fail 2 'There is neither sha256sum nor shasum on this runner, so the binary cannot be checked.'
fi
sha256() { "${sum[@]}" <"$1" | cut -d' ' -f1; }

# The job's own folder. Where there is none, a new one: in one that everybody may write to, a name that can be known beforehand may be
# somebody else's, who could exchange the program between the check and its start.
temporary=${RUNNER_TEMP:-}
[[ -n $temporary ]] || temporary=$(mktemp -d)
if command -v cygpath >/dev/null; then
  # Git's tools and Windows' own agree on no form of a path but this.
  temporary=$(cygpath --mixed "$temporary")
  # Git's bash would hand a value that looks like its own form of a path, such as `/x`, to the program as a path of Windows.
  export MSYS2_ENV_CONV_EXCL='*' MSYS2_ARG_CONV_EXCL='*'
fi
folder=$temporary/deploy-hook-${expected:0:16}
program=$folder/deploy-hook
[[ $asset != *.exe ]] || program+=.exe

# TLS alone, but for a server on this machine. Proxies are the environment's: HTTPS_PROXY, NO_PROXY.
protocol='=https'
if [[ $url =~ ^http://(127\.0\.0\.1|localhost)(:[0-9]+)?/ ]]; then protocol='=http'; fi

# Without the secrets: what downloads need not know them. The status goes to standard output.
download() (
  unset -v "${!INPUT_@}" "${!DEPLOY_HOOK_@}" GITHUB_TOKEN GH_TOKEN \
    FORTRABBIT_DEPLOY_HOOK_URL RENDER_DEPLOY_HOOK_URL RENDER_DEPLOY_HOOK VERCEL_DEPLOY_HOOK_URL VERCEL_DEPLOY_HOOK \
    NETLIFY_BUILD_HOOK_URL NETLIFY_BUILD_HOOK CLOUDFLARE_DEPLOY_HOOK_URL CLOUDFLARE_PAGES_DEPLOY_HOOK_URL CLOUDFLARE_PAGES_DEPLOY_HOOK \
    COOLIFY_WEBHOOK_URL COOLIFY_WEBHOOK DOKPLOY_WEBHOOK_URL DOKPLOY_WEBHOOK FORGE_DEPLOY_HOOK FORGE_DEPLOY_URL \
    LARAVEL_CLOUD_DEPLOY_HOOK SEVALLA_DEPLOY_HOOK \
    FRBIT_TOKEN FORTRABBIT_API_TOKEN RENDER_API_KEY VERCEL_TOKEN NETLIFY_AUTH_TOKEN CLOUDFLARE_API_TOKEN COOLIFY_TOKEN COOLIFY_API_TOKEN \
    DOKPLOY_API_KEY DOKPLOY_AUTH_TOKEN FORGE_API_TOKEN LARAVEL_CLOUD_API_TOKEN SEVALLA_API_TOKEN SEVALLA_TOKEN
  exec curl --silent --show-error --fail --location --proto "$protocol" --proto-redir "$protocol" --tlsv1.2 \
    --connect-timeout 20 --max-time 300 --output "$2" --write-out '%{http_code}' "$1"
)

# A second step of the job finds what the first one got.
if ! [[ -f $program && $(sha256 "$program") == "$expected" ]]; then
  command -v curl >/dev/null || fail 2 'There is no curl on this runner, which is needed to download the binary.'
  mkdir -p "$folder"
  # A name of its own: steps of two jobs may share a machine's temporary folder.
  part=$program.$$
  trap 'rm -f "$part"' EXIT # also after `end`
  echo "Downloading $url"
  for pause in 2 5 0; do
    code=0
    status=$(download "$url" "$part") || code=$?
    ((code)) || break
    rm -f "$part"
    # What is not there will not be there in five seconds.
    if [[ $status == 404 ]]; then fail 2 "There is no $url (HTTP 404). Was the release withdrawn?"; fi
    ((pause)) || fail 4 "The binary could not be downloaded from $url: curl ended with $code, HTTP status ${status:-000}. Nothing was triggered."
    echo "Trying again in ${pause}s (curl ended with $code, HTTP status ${status:-000})"
    sleep "$pause"
  done
  found=$(sha256 "$part")
  if [[ $found != "$expected" ]]; then
    fail 2 "What $url gave is not this release's binary, and was not run: its SHA-256 is $found, expected was $expected."
  fi
  chmod 755 "$part"
  mv -f "$part" "$program"
  trap - EXIT
fi

# `exec`: the runner sends its signals to this process, and the program is what should hear them.
if ((!$#)); then set -- deploy; fi
exec "$program" "$@"
