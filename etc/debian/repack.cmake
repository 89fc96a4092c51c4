# Run by cpack with the finished package: takes the time of day out of the outermost archive's member headers, so that the
# same sources give the same package.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  foreach(package IN LISTS CPACK_PACKAGE_FILES)
    set(work "${package}.members")
    set(members debian-binary control.tar.gz data.tar.xz) # deb(5) wants this order
    file(MAKE_DIRECTORY "${work}")
    execute_process(COMMAND ar x "${package}" WORKING_DIRECTORY "${work}" COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE "${package}")
    execute_process(COMMAND ar rcD "${package}" ${members} WORKING_DIRECTORY "${work}" COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE_RECURSE "${work}")
  endforeach()
endif()
