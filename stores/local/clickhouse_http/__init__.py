"""ClickHouse's HTTP interface over chDB, the engine as a library.

Belongs here: everything between a socket and chDB. `server` owns sockets and threads, `wire`
one connection's HTTP, `handler` one request, `parameters` what a request asks for, `statement`
reading SQL just as far as needed, `engine` chDB itself, `sessions` what outlives a request,
`bodies` and `compression` the bytes in and out, `exceptions` codes and statuses.
Nothing about what the platform stores: to its users this is a ClickHouse server.

One process holds one data directory, and must never fork once chDB is loaded.
"""
