// Package geo holds positions, the datums that maps name them in, distances
// between them, and the in-process index of where on-duty responders are.
//
// Everything inside Muster is WGS-84: convert at the edge with ToWGS84 and
// FromWGS84. The index only proposes who is near; it knows nothing of duty,
// qualifications or scope, and keeps nothing on disk.
//
// Estimated times of arrival and the radii of a policy belong to package
// dispatch, the distance bands of messages to package notify, the freshness and
// retention of a presence to package roster.
package geo
