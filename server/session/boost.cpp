// boost.cpp - The one place where Asio and Beast are compiled. Everything else includes their declarations only
// (BOOST_ASIO_SEPARATE_COMPILATION, BOOST_BEAST_SEPARATE_COMPILATION), which halves what a change here costs to build.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
