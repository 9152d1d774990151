# Installs the toolchains and the WebSocket peers that scripts/test --all runs against. Sourced after scripts/lib.sh.

tool_packages=(clang clang-tidy valgrind gcovr abigail-tools binutils util-linux curl python3-venv libuv1-dev libglib2.0-dev openssl mandoc man-db meson qt6-base-dev
  libwebsockets-dev libwebsocketpp-dev libboost-dev bash-completion zsh fish dpkg-dev)

python_requirements=(tests/interop/requirements.txt bindings/*/requirements.txt)

# install_peers sets HAWSER_REQUIRED_PEERS: with it, a missing peer fails its tests, which are skipped otherwise.
install_peers() {
  install_packages "${tool_packages[@]}"
  install_toolchains
  install_node_peers
  install_python_peers
  install_proxies
  export HAWSER_REQUIRED_PEERS="node python curl openssl nginx haproxy glib libuv qt libwebsockets websocketpp"
  if install_chromium; then HAWSER_REQUIRED_PEERS+=" chromium"; fi
}

# languages: those that hawser has bindings for. Each has a file bindings/LANGUAGE/toolchain, which says by what program (`tool`) it is known
# that the language is here, and installs what is missing (install_toolchain).
languages() { (cd bindings && for file in */toolchain; do dirname "$file"; done); }

install_toolchains() {
  local language
  for language in $(languages); do
    source "bindings/$language/toolchain"
    install_toolchain
  done
}

# Debian starts a service when it is installed, unless a policy is against it; the tests start proxies of their own.
install_proxies() {
  local policy=/usr/sbin/policy-rc.d
  if is_installed nginx-light && is_installed haproxy; then return 0; fi
  if [ -e $policy ]; then
    install_packages nginx-light haproxy
  else
    printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin $policy
    (trap 'as_root rm -f $policy' EXIT; install_packages nginx-light haproxy)
  fi
}

# Debian has Chromium as a package. Ubuntu has it as a snap, which needs a running snapd: there it is used if present.
install_chromium() {
  if command -v chromium google-chrome >/dev/null; then return 0; fi
  is_available chromium || refresh_package_lists
  if is_available chromium; then
    install_packages chromium
  else
    echo "Chromium is no package here: its tests are skipped"
    return 1
  fi
}

install_node_peers() {
  local target="$peers/node"
  if cmp -s tests/interop/package-lock.json "$target/installed.json"; then return 0; fi
  say "installing the Node peers in build/peers/node"
  mkdir -p "$target"
  cp tests/interop/package.json tests/interop/package-lock.json "$target"
  (cd "$target" && npm ci --no-audit --no-fund)
  cp tests/interop/package-lock.json "$target/installed.json"
}

install_python_peers() {
  local target="$peers/python"
  if cat "${python_requirements[@]}" | cmp -s - "$target/installed.txt"; then return 0; fi
  say "installing the Python peers in build/peers/python"
  /usr/bin/python3 -m venv "$target"
  "$target/bin/pip" install "${python_requirements[@]/#/--requirement=}"
  cat "${python_requirements[@]}" >"$target/installed.txt"
}
