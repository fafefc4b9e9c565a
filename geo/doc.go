// Package geo holds positions, the datums that maps name them in, distances
// between them, and the in-process index of where on-duty responders are.
//
// Everything inside Muster is WGS-84: convert at the edge with ToWGS84 and
// FromWGS84. The index only proposes who is near; it knows nothing of duty,
// qualifications or scope, and keeps nothing on disk.
//
// Estimated times of arrival, the distance bands shown in messages and the
// radii of a policy belong to package dispatch; the freshness and retention of
// a presence to package roster; GeoJSON and error messages to package graph.
package geo
