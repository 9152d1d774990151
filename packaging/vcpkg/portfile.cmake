# vcpkg install hawser --overlay-ports=packaging/vcpkg, with the tarball of scripts/release beside this file: nothing is published yet.
# Not tested: there was no vcpkg.
vcpkg_extract_source_archive(source ARCHIVE "${CURRENT_PORT_DIR}/hawser-${VERSION}.tar.gz")
vcpkg_check_features(OUT_FEATURE_OPTIONS features FEATURES tools HAWSER_PROGRAM)
vcpkg_cmake_configure(SOURCE_PATH "${source}" OPTIONS ${features} -DHAWSER_TESTS=OFF -DHAWSER_EXAMPLES=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/hawser)
vcpkg_fixup_pkgconfig()
if("tools" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES hawser AUTO_CLEAN)
endif()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${source}/LICENSE")
