// Package graph is the GraphQL API: the schema, and resolvers that convert,
// call one service, and convert back.
//
// What may be done is decided twice: the directive @allow on each root field
// asks for a role, and the services ask whether that role holds for the thing
// at hand. Errors get their code and their words in one place, errors.go. Rules
// of the domain and storage do not belong here.
package graph

//go:generate go -C .. tool gqlgen generate
