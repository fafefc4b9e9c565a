// Package store keeps typed documents, the same way on every engine.
//
// A domain package declares its collections and their indexes beside its types
// with Define, and reads and writes through them. Each call names the DB, or
// the Tx of an Atomically, that it goes through. Documents carry a revision,
// and a write that names an old one fails with ErrStale. Every query must be
// served by a declared index: one that none serves is ErrNoIndex, on every
// engine, so that a scan cannot reach production. Watch feeds committed
// changes to whoever keeps something in memory or waits for them; Claim hands
// out documents that are due.
//
// Documents are BSON on every engine, so that they are the same bytes
// everywhere. The engines are the packages sqlite and mongo; storetest is the
// suite that both must pass. Domain rules, faults and GraphQL do not belong
// here.
package store
