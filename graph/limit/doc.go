// Package limit refuses GraphQL operations that would cost the server more than
// any honest client needs.
//
// A document is refused in two steps. Its shape (length, tokens, depth, aliases,
// repeats, directives, fragment cycles, root fields) is checked before gqlgen
// validates it, because some validation rules are quadratic in the document, and
// others report one error for each repetition. @defer is refused with it: gqlgen
// knows that directive unasked, and our transports send one answer, not many. Its
// cost, which needs the schema and the variables, is checked after that and
// before the first resolver runs. Both steps visit every node of the document
// once: fragments are remembered, never expanded.
//
// What a document may see does not belong here, nor does how often it may be
// sent: those are for the authorisation directives and for the services that
// count attempts.
package limit
