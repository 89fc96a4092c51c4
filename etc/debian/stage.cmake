# Run by cpack between the installation into a directory and the making of the package: what only a Debian package has.
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(root "${CPACK_TEMPORARY_DIRECTORY}")
set(documents "${root}/usr/share/doc/fcgi-smtp")
file(COPY "${CMAKE_CURRENT_LIST_DIR}/fcgi-smtp.yaml" DESTINATION "${root}/etc/fcgi-smtp")
file(COPY "${CMAKE_CURRENT_LIST_DIR}/changelog" "${CMAKE_CURRENT_LIST_DIR}/copyright" DESTINATION "${documents}")
file(GLOB pages "${root}/usr/share/man/man*/*.[1-9]")
run(gzip -9nf "${documents}/changelog" ${pages})
run(strip --remove-section=.comment --remove-section=.note "${root}/usr/bin/fcgi-smtp")
run(chmod -R u=rwX,go=rX "${root}")

# The same sources shall give the same package.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  run(find "${root}" -exec touch -h -d "@$ENV{SOURCE_DATE_EPOCH}" "{}" +)
endif()
