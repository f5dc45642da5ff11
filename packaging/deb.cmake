# SPDX-License-Identifier: Apache-2.0
# The Debian package: `cpack -G DEB` in the build folder.
set(CPACK_GENERATOR DEB)
# Who answers for it, as Debian's own tools are told.
if(DEFINED ENV{DEBEMAIL})
    set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
else()
    set(CPACK_PACKAGE_CONTACT "thumbq <root@localhost>")
endif()
set(CPACK_PACKAGE_NAME thumbq)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "thumbnails of the images in a folder, as they come")
set(CPACK_PACKAGE_DESCRIPTION
    "Watches a folder and makes thumbnails of every image that is put into it,
within milliseconds. Event-driven and crash-safe; every image is decoded by a
sandboxed process without files, network or rights, so that it can be pointed
at whatever strangers upload.
.
Totals, lists and metrics of millions of images are answered at once, and
schedules keep it all tidy.")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# Installed as with DESTDIR, so that what asks for the prefix hears /usr.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)

# What only a package has.
set(deb_docs ${CMAKE_CURRENT_BINARY_DIR}/deb/usr/share/doc/thumbq)
string(TIMESTAMP thumbq_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(debian/changelog.in ${deb_docs}/changelog @ONLY)
configure_file(debian/copyright ${deb_docs}/copyright COPYONLY)
execute_process(COMMAND gzip -9nf ${deb_docs}/changelog)
set(CPACK_INSTALLED_DIRECTORIES "${CMAKE_CURRENT_BINARY_DIR}/deb;/")

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/postinst
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/prerm
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/postrm)
include(CPack)
