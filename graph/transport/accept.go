package transport

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

const (
	mediaJSON    = "application/json"
	mediaGraphQL = "application/graphql-response+json"
	mediaEvents  = "text/event-stream"
)

// negotiate chooses what to answer with: the supported media type that the Accept
// header prefers, the first of those preferred alike, or "" if it takes none.
// Whoever states no preference gets application/json, which every client reads.
func negotiate(header http.Header) string {
	accept := strings.Join(header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return mediaJSON
	}
	best, highest := "", 0.0
	for part := range strings.SplitSeq(accept, ",") {
		media, quality := preference(part)
		if media != "" && quality > highest {
			best, highest = media, quality
		}
	}
	return best
}

// preference reads one element of an Accept header: what we would send for it,
// and its weight from 0 to 1.
func preference(part string) (media string, quality float64) {
	accepted, params, err := mime.ParseMediaType(part)
	if err != nil {
		return "", 0
	}
	quality = 1
	if q, ok := params["q"]; ok {
		quality, err = strconv.ParseFloat(q, 64)
		if err != nil {
			return "", 0
		}
	}
	switch accepted {
	case mediaJSON, mediaGraphQL, mediaEvents:
		return accepted, quality
	case "*/*", "application/*":
		return mediaJSON, quality
	}
	return "", 0
}
