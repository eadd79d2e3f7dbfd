// pages.hpp - The pages and scripts that the server hands out, embedded in the binary: /demo, /agent and /client.js.
//
// embed.cmake makes the one .cpp behind this from the files of this folder. Every body is constant and lives as long as
// the program; whoever serves it adds the headers (the pages need no inline script or style, so a strict policy fits).
#pragma once

#include <span>
#include <string_view>

namespace deskd {

struct Page {
  std::string_view path;  // as requested, e.g. "/demo"
  std::string_view type;  // Content-Type
  std::string_view body;
};

std::span<const Page> pages();

}  // namespace deskd
