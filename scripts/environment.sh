# Sourced by the other scripts: whose build this is, and where that person's tools are.
# Under sudo, PATH lacks what rustup and nvm have put into the caller's, and root-owned files in a person's checkout are a
# nuisance: so whoever owns the checkout builds it.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

builder=$(id -un)
if [[ $(id -u) == 0 && -n ${SUDO_USER:-} && $SUDO_USER != root && $(stat -c %U "$root") == "$SUDO_USER" ]]; then
  builder=$SUDO_USER
fi
builder_home=$(getent passwd "$builder" | cut -d : -f 6)

tools=
for directory in "$builder_home/.cargo/bin" "$builder_home/.volta/bin" \
  "$(ls -d "$builder_home"/.nvm/versions/node/v*/bin 2>/dev/null | sort -V | tail -n 1)"; do
  if [[ -d $directory ]]; then tools=$tools:$directory; fi
done
# The caller's own choice comes first, unless sudo has made the PATH.
if [[ $builder == "$(id -un)" ]]; then PATH=$PATH$tools; else PATH=${tools#:}${tools:+:}$PATH; fi
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
