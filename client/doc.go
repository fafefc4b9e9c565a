// Package client speaks to Muster's GraphQL API as an app does: over HTTP, and
// over WebSocket in the graphql-transport-ws protocol. The demonstration and
// the end-to-end tests use it.
//
// It knows sessions and errors, and no operations: queries and their answers
// are the caller's.
package client
