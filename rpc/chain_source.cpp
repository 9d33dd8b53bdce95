#include "rpc/chain_source.hpp"
