// Package reference is a typed client of the whole API: one function for each
// root field of the schema, generated from the operations in operations/. It is
// what an app's generated client would be, and shows that the schema suits
// generated clients.
//
// Only tests import it. A root field that no operation asks for fails one of
// them: write the operation, run go generate, and add its call to the table in
// server/reference_test.go. What is not generated does not belong here.
package reference

//go:generate go tool genqlient genqlient.yaml
