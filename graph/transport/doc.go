// Package transport carries GraphQL over HTTP (POST), WebSocket (the
// graphql-transport-ws protocol) and server-sent events, each with limits that
// gqlgen's own transports do not have: of the size of what is read, of the time
// that a write may take, of the number of subscriptions, and of the life of what
// is streamed.
//
// What a document may cost is the business of package limit, who may see what that
// of the resolvers, and the words of an error that of the error presenter.
package transport
