"""conan create . with the tarball of scripts/release beside this file: nothing is published yet."""

import os

from conan import ConanFile
from conan.tools.build import stdcpp_library
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, rm, rmdir, unzip
from conan.tools.gnu import PkgConfigDeps


class Hawser(ConanFile):
    name = "hawser"
    version = "0.1.0"
    package_type = "library"
    license = "MIT"
    description = "WebSocket library (RFC 6455, RFC 7692), client and server, behind a stable C API"
    topics = ("websocket", "rfc6455", "networking")
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}  # no fPIC: the static library is position-independent, too
    default_options = {"shared": True}
    exports_sources = "hawser-*.tar.gz"

    def requirements(self):
        self.requires("openssl/[>=3.0 <4]")
        self.requires("zlib/[>=1.2.11 <2]")
        self.requires("c-ares/[>=1.18 <2]")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for option in ("TESTS", "EXAMPLES", "PROGRAM"):
            toolchain.cache_variables[f"HAWSER_{option}"] = False
        toolchain.cache_variables["HAWSER_STATIC"] = not self.options.shared
        toolchain.generate()
        CMakeDeps(self).generate()
        PkgConfigDeps(self).generate()

    def source(self):
        unzip(self, f"hawser-{self.version}.tar.gz", strip_root=True)

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        for folder in ("share", "lib/cmake", "lib/pkgconfig"):
            rmdir(self, os.path.join(self.package_folder, folder))
        rm(self, "libhawser.a" if self.options.shared else "libhawser*.so*", os.path.join(self.package_folder, "lib"))

    def package_info(self):
        self.cpp_info.libs = ["hawser"]
        if not self.options.shared:
            self.cpp_info.system_libs = [stdcpp_library(self), "m", "pthread"]
