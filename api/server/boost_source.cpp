// What Boost.Asio and Boost.Beast would else compile into each file that includes them.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
