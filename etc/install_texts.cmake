# Installs the units and nginx's snippets, which are written for the prefix /usr. ETC: where they are; WORK: a directory for
# what they become.
function(install_texts directory)
  foreach(file ${ARGN})
    cmake_path(GET file FILENAME name)
    file(READ "${ETC}/${file}" text)
    string(REPLACE /usr/bin/ "${CMAKE_INSTALL_PREFIX}/bin/" text "${text}")
    string(REPLACE /usr/share/ "${CMAKE_INSTALL_PREFIX}/share/" text "${text}")
    file(WRITE "${WORK}/installed/${name}" "${text}")
    file(INSTALL DESTINATION "${directory}" TYPE FILE FILES "${WORK}/installed/${name}")
  endforeach()
endfunction()

install_texts("${CMAKE_INSTALL_PREFIX}/share/fcgi-smtp/nginx"
  nginx/fcgi-smtp.conf nginx/fcgi-smtp-hosts.conf nginx/fcgi-smtp-mailgun.conf nginx/fcgi-smtp-upstream.conf)
# systemd looks into /usr/local/lib too; a package's units are in /lib in Debian 12.
if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
  install_texts(/lib/systemd/system systemd/fcgi-smtp.service systemd/fcgi-smtp.socket)
else()
  install_texts("${CMAKE_INSTALL_PREFIX}/lib/systemd/system" systemd/fcgi-smtp.service systemd/fcgi-smtp.socket)
endif()
