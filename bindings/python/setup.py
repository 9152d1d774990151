"""The extension module, against the libhawser that pkg-config finds."""

import shlex
import subprocess

from setuptools import Extension, setup


def pkg_config(option):
    return shlex.split(subprocess.run(["pkg-config", option, "hawser"], check=True, stdout=subprocess.PIPE, text=True).stdout)


setup(ext_modules=[Extension("hawser._raw", ["raw_wrap.c"], extra_compile_args=pkg_config("--cflags"),
                             extra_link_args=pkg_config("--libs"))])
