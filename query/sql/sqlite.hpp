// SQLite's functions: linked, or in the loadable extension those of whoever loads it, which may
// bring an SQLite of its own. Every other file includes this one.
#pragma once

#ifdef PLUMBLINE_SQLITE_EXTENSION
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3
#else
#include <sqlite3.h>
#endif
