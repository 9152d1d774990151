# nix-build, with the tarball of scripts/release beside this file: nothing is published yet. Read by nix-instantiate, not built: there was
# no nixpkgs.
{ pkgs ? import <nixpkgs> { } }:

pkgs.stdenv.mkDerivation rec {
  pname = "hawser";
  version = "0.1.0";
  src = ./. + "/hawser-${version}.tar.gz";

  outputs = [ "out" "dev" "man" ];
  nativeBuildInputs = [ pkgs.cmake pkgs.ninja pkgs.pkg-config pkgs.python3 ];
  buildInputs = [ pkgs.cli11 pkgs.openssl pkgs.zlib pkgs.c-ares ];
  cmakeFlags = [ "-DHAWSER_TESTS=OFF" "-DHAWSER_EXAMPLES=OFF" ];

  doInstallCheck = true;
  installCheckPhase = ''
    $out/bin/hawser --version | grep -F ${version}
  '';

  meta = {
    description = "WebSocket library with a stable C API, and a program for the command line";
    license = pkgs.lib.licenses.mit;
    mainProgram = "hawser";
    platforms = pkgs.lib.platforms.linux;
  };
}
