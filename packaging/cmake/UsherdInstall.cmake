# Where everything goes. DESTDIR is honoured; an administrator's usherd.conf is never
# overwritten.
set(USHERD_UNIT_DIR lib/systemd/system CACHE STRING "directory of the systemd unit, empty: none")
set(USHERD_INIT_DIR "${CMAKE_INSTALL_SYSCONFDIR}/init.d" CACHE STRING
    "directory of the System V script, empty: none")
set(USHERD_SYSTEMD_TYPE "" CACHE STRING
    "Type= of the unit: notify-reload (systemd 253 and newer) or notify; empty: ask systemctl")

set(packaging "${CMAKE_CURRENT_SOURCE_DIR}/packaging")
set(generated "${CMAKE_CURRENT_BINARY_DIR}/generated")

install(TARGETS usherd RUNTIME DESTINATION "${CMAKE_INSTALL_SBINDIR}")
if(USHERD_HTTP)
  install(TARGETS usherd-http RUNTIME DESTINATION "${CMAKE_INSTALL_LIBEXECDIR}/usherd")
endif()

foreach(section 1 5 7 8)
  file(GLOB pages CONFIGURE_DEPENDS "${packaging}/man/*.${section}")
  if(pages)
    install(FILES ${pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
  endif()
endforeach()

set(sysconf "${CMAKE_INSTALL_FULL_SYSCONFDIR}")
configure_file("${packaging}/conf/usherd.conf" "${generated}/usherd.conf" @ONLY)
install(CODE "
  set(file \"\$ENV{DESTDIR}${sysconf}/usherd.conf\")
  if(EXISTS \"\${file}\")
    message(STATUS \"Keeping: \${file}\")
  else()
    file(INSTALL \"${generated}/usherd.conf\" DESTINATION \"${sysconf}\"
         PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  endif()")
install(FILES "${packaging}/conf/README" DESTINATION "${sysconf}/usherd.d")

file(GLOB examples CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/services.d/*")
install(FILES ${examples} DESTINATION "${CMAKE_INSTALL_DOCDIR}/examples")
foreach(page README.md CHANGELOG.md LICENSE)
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${page}")
    install(FILES ${page} DESTINATION "${CMAKE_INSTALL_DOCDIR}")
  endif()
endforeach()

function(usherd_systemd_type ret)
  set(type notify-reload)
  find_program(SYSTEMCTL systemctl)
  mark_as_advanced(SYSTEMCTL)
  if(SYSTEMCTL)
    execute_process(COMMAND "${SYSTEMCTL}" --version OUTPUT_VARIABLE version ERROR_QUIET)
    if(version MATCHES "^systemd ([0-9]+)" AND CMAKE_MATCH_1 LESS 253)
      set(type notify)
    endif()
  endif()
  set(${ret} ${type} PARENT_SCOPE)
endfunction()

set(type "${USHERD_SYSTEMD_TYPE}")
if(NOT type)
  usherd_systemd_type(type)
endif()
if(type STREQUAL "notify")
  set(USHERD_SYSTEMD_LIFECYCLE "Type=notify\nExecReload=/bin/kill -HUP $MAINPID")
else()
  set(USHERD_SYSTEMD_LIFECYCLE "Type=${type}")
endif()

if(USHERD_UNIT_DIR)
  configure_file("${packaging}/systemd/usherd.service.in" "${generated}/usherd.service" @ONLY)
  install(FILES "${generated}/usherd.service" DESTINATION "${USHERD_UNIT_DIR}")
endif()
if(USHERD_INIT_DIR)
  configure_file("${packaging}/sysv/usherd.in" "${generated}/init.d/usherd" @ONLY)
  install(PROGRAMS "${generated}/init.d/usherd" DESTINATION "${USHERD_INIT_DIR}")
endif()
