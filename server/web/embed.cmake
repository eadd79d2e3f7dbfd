# embed.cmake - Turns the pages into one .cpp: cmake -DROOT=... -DOUT=... -P embed.cmake
#
# A page is a raw string literal; its closing mark must not stand in a page.

set(pages
    "/demo|text/html\\; charset=utf-8|server/web/demo.html"
    "/demo.js|text/javascript\\; charset=utf-8|server/web/demo.js"
    "/agent|text/html\\; charset=utf-8|server/web/agent.html"
    "/agent.js|text/javascript\\; charset=utf-8|server/web/agent.js"
    "/page.css|text/css\\; charset=utf-8|server/web/page.css"
    "/client.js|text/javascript\\; charset=utf-8|protocol/client/desk-client.js")

set(text "// Made by server/web/embed.cmake.\n#include \"server/web/pages.hpp\"\n\nnamespace deskd {\nnamespace {\n\nconstexpr Page all[]{\n")
foreach(page IN LISTS pages)
  string(REGEX MATCH "^([^|]*)\\|([^|]*)\\|(.*)$" _ "${page}")
  set(path "${CMAKE_MATCH_1}")
  set(type "${CMAKE_MATCH_2}")
  set(name "${CMAKE_MATCH_3}")
  file(READ "${ROOT}/${name}" body)
  if(body MATCHES "\\)deskd_page\"")
    message(FATAL_ERROR "${name} holds the mark that closes a page")
  endif()
  string(APPEND text "    {\"${path}\", \"${type}\", R\"deskd_page(${body})deskd_page\"},\n")
endforeach()
string(APPEND text "};\n\n}  // namespace\n\nstd::span<const Page> pages() { return all; }\n\n}  // namespace deskd\n")
file(WRITE "${OUT}" "${text}")
