// Package mongo is the engine of store on MongoDB 4.4 or newer: a replica set,
// which may have one member, or a sharded cluster. Any number of server
// processes may share it.
//
// What it relies on: every write but those of relaxed collections is
// acknowledged by a majority, in the journal; reads go to the primary and see
// what a majority has; Atomically is a transaction on a snapshot; changes come
// from one change stream for the whole database, which a single goroutine
// follows. Writes that the driver repeats after a network error carry a
// transaction number, so that they happen once.
//
// Each query names its index by hint. A sparse index is a partial one over the
// documents that have all its fields, and the filters say so, so that the
// planner may use it. A query for several values at once, sorted, is merged
// from one walk for each value up to 200 of them; beyond that, and on a unique
// index, MongoDB sorts in memory.
//
// Prepare creates collections and indexes, and builds an index anew whose
// declaration has changed. It leaves indexes that are no longer declared to
// the operator.
//
// # Against a real server
//
// The conformance suite runs when MUSTER_TEST_MONGODB_URI says where:
//
//	mongod --replSet rs0 --port 27027 --dbpath "$(mktemp -d)" &
//	mongosh --port 27027 --eval 'rs.initiate()'     # mongo with 4.4
//	MUSTER_TEST_MONGODB_URI='mongodb://localhost:27027/?replicaSet=rs0' \
//	MUSTER_REQUIRE_MONGODB=1 go test ./store/mongo/
//
// Each test has a database of its own, named muster_test_…, and drops it.
// Without the variable those tests are skipped, and with
// MUSTER_REQUIRE_MONGODB=1 a skip is a failure. The nested module ferrettest
// sends the plain reads and writes over the wire to FerretDB instead: that
// checks what the commands look like and their answers, and neither
// transactions, change streams, partial indexes, plans nor concurrency.
//
// Nothing outside this package imports the driver's client. Domain rules and
// the choice of an engine do not belong here.
package mongo
