// Package auth says who is asking and what they may do: accounts, roles with
// scopes, sign-in codes, second factors, sessions and their tokens.
//
// Someone proves a phone with a code and gets a session: a short-lived access
// token, which is a signed JWT, and a refresh token, which is used once and
// brings the next pair. A request's access token becomes a Principal, which
// every service takes as its explicit actor. What a role may do to a
// particular thing is decided by the service that owns the thing, by asking
// Principal.May with the thing's place in the tree.
//
// A grant is kept as it was given, and follows its org unit wherever the tree
// takes that. Where an account must have a second factor, its grants as staff
// count in sessions that have shown it. Administrators decide about staff;
// whether they may is looked at once more in the step that does it.
//
// Who is on the roster is package roster's, push tokens are package notify's,
// and HTTP headers belong to the server.
package auth
