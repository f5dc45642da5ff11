# SPDX-License-Identifier: Apache-2.0
# The Debian package: `cpack -G DEB` in the build folder.
set(CPACK_GENERATOR DEB)
# The maintainer of the package, from the variables that Debian's own tools use.
if(DEFINED ENV{DEBEMAIL})
    set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
else()
    set(CPACK_PACKAGE_CONTACT "thumbq <root@localhost>")
endif()
set(CPACK_PACKAGE_NAME thumbq)
# Each package has a description of its own; its first line is the summary.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# Installed with DESTDIR, so that the prefix is /usr.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)

# Files that only a package has: changelog and copyright, in a component that `cmake --install` leaves
# out.
string(TIMESTAMP thumbq_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
set(deb_docs ${CMAKE_CURRENT_BINARY_DIR}/deb)
configure_file(debian/changelog.in ${deb_docs}/changelog @ONLY)
execute_process(COMMAND gzip -9nf ${deb_docs}/changelog)
function(deb_documents package component)
    install(FILES ${deb_docs}/changelog.gz ${CMAKE_CURRENT_SOURCE_DIR}/debian/copyright
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()

# A package for each group of components. The base is everything that has no component of its own.
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENT_UNSPECIFIED_GROUP base)
set(CPACK_COMPONENT_BASE-DOCUMENTS_GROUP base)
set(CPACK_COMPONENTS_ALL Unspecified base-documents)
deb_documents(thumbq base-documents)
set(CPACK_DEBIAN_BASE_PACKAGE_NAME thumbq)
set(CPACK_DEBIAN_BASE_DESCRIPTION "thumbnails of the images in a folder, as they come
Watches a folder and makes thumbnails of every image that is put into it,
within milliseconds. Event-driven and crash-safe; every image is decoded by a
sandboxed process without files, network or rights, so that it can be pointed
at whatever strangers upload.
.
Totals, lists and metrics of millions of images are answered at once, and
schedules keep it all tidy.")

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_BASE_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_BASE_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/postinst
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/prerm
    ${CMAKE_CURRENT_SOURCE_DIR}/debian/postrm)

if(THUMBQ_HAS_GATEWAY)
    list(APPEND CPACK_COMPONENTS_ALL gateway gateway-documents)
    set(CPACK_COMPONENT_GATEWAY_GROUP gateway)
    set(CPACK_COMPONENT_GATEWAY-DOCUMENTS_GROUP gateway)
    deb_documents(thumbq-gateway gateway-documents)
    set(CPACK_DEBIAN_GATEWAY_PACKAGE_NAME thumbq-gateway)
    set(CPACK_DEBIAN_GATEWAY_PACKAGE_SECTION net)
    # The commands `thumbq gateway`, `thumbq key` and `thumbq sign` and the group are of the base.
    set(CPACK_DEBIAN_GATEWAY_PACKAGE_DEPENDS
        "thumbq (= ${PROJECT_VERSION}), systemd | systemd-standalone-sysusers | systemd-sysusers")
    set(CPACK_DEBIAN_GATEWAY_DESCRIPTION "buckets of thumbq over HTTP, as S3
Serves folders as S3 does: any S3 client can store pictures and read pictures
and thumbnails. Every request needs a key, and keys have rights and limits.
.
The gateway runs beside the daemon and without it; it opens no store, decodes
no picture, and writes nothing but uploads.")
    set(CPACK_DEBIAN_GATEWAY_PACKAGE_CONTROL_EXTRA
        ${CMAKE_CURRENT_SOURCE_DIR}/gateway/debian/postinst
        ${CMAKE_CURRENT_SOURCE_DIR}/gateway/debian/prerm
        ${CMAKE_CURRENT_SOURCE_DIR}/gateway/debian/postrm)
endif()
include(CPack)
