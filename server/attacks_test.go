package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

// assault is a request that means no good, or at least looks so.
type assault struct {
	method, target string // POST and nothing where empty
	header         [2]string
	body           []byte
	status         int    // 200 where 0
	reason         string // how the answer's reason begins
	harmless       string // the answer itself, where there is nothing to refuse
	// httpOnly are those that are about HTTP: the others are sent over
	// WebSocket and as an event stream, too.
	httpOnly bool
}

// repeated joins n copies of a text, with each # the copy's number.
func repeated(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "#", strconv.Itoa(i)))
	}
	return b.String()
}

// fragmentBomb doubles with each level for whoever expands fragments.
func fragmentBomb(levels int) string {
	bomb := strings.ReplaceAll(repeated(levels, "fragment f# on Query { ...next# ...next# } "), "next0", "f1")
	for i := 1; i < levels; i++ {
		bomb = strings.ReplaceAll(bomb, fmt.Sprintf("...next%d ", i), fmt.Sprintf("...f%d ", i+1))
	}
	return fmt.Sprintf("{ ...f0 } %s fragment f%d on Query { me { id } }", bomb, levels)
}

// given is a request with variables, which are JSON.
func given(query, variables string) []byte {
	return fmt.Appendf(nil, `{"query":%q,"variables":%s}`, query, variables)
}

// attacks are all assaults, by name.
func attacks(t *testing.T) map[string]assault {
	t.Helper()
	all := map[string]assault{}
	for _, some := range []map[string]assault{floods(), loops(t), probes(), forgeries(), bulks(), headers()} {
		maps.Copy(all, some)
	}
	return all
}

// floods say the same thing again and again.
func floods() map[string]assault {
	guess := `signIn(input: {phone: "+8613900000001", code: "000000"}) { accessToken } `
	const page = `a#: responders(orgUnitId: "440303001000", first: 100) { nodes { certificates { id } } } `
	return map[string]assault{
		"a hundred guesses in one request": {body: document("mutation { " + repeated(100, "a#: "+guess) + "}"), reason: "invalid.query_too_long"},
		"six guesses in one request":       {body: document("mutation { " + repeated(6, "a#: "+guess) + "}"), reason: "invalid.query_too_many_changes"},
		"a hundred aliases":                {body: document("{ " + repeated(100, "a#: __typename ") + "}"), reason: "invalid.query_too_many_aliases"},
		"sixteen aliases":                  {body: document("{ " + repeated(16, "a#: me { id } ") + "}"), reason: "invalid.query_too_many_aliases"},
		"aliases beside each other":        {body: document("{ me { " + repeated(16, "a#: id ") + "} }"), reason: "invalid.query_too_many_aliases"},
		"one alias of 30 KB":               {body: document("{ me { " + strings.Repeat("a", 30_000) + ": id } }"), reason: "invalid.query_alias_too_long"},
		"ten pages at once":                {body: document("{ " + repeated(10, page) + "}"), reason: "invalid.query_too_costly"},
		"a field 500 times":                {body: document("{ " + strings.Repeat("__typename ", 500) + "}"), reason: "invalid.query_too_many_repeats"},
		"900 fields that are the same":     {body: document("{ me {" + strings.Repeat(" id", 900) + " } }"), reason: "invalid.query_too_many_repeats"},
		"5,000 fields":                     {body: document("{ me {" + strings.Repeat(" id", 5000) + " } }"), reason: "invalid.query_too_long"},
		"20,000 fields":                    {body: document("{ me {" + strings.Repeat(" id", 20_000) + " } }"), reason: "invalid.query_too_large"},
		"900 fields that are unknown":      {body: document("{ me { " + repeated(900, "x# ") + "} }"), reason: "invalid.document"},
		"unknown arguments":                {body: document("{ me(" + repeated(240, "a#: 1 ") + ") { id } }"), reason: "invalid.document"},
		"variables that nobody uses":       {body: document("query (" + repeated(200, "$v#: Int ") + ") { me { id } }"), reason: "invalid.document"},
		"variables that nobody defined":    {body: document("{ orgUnit(id: 1 " + repeated(230, "a#: $v# ") + ") { id } }"), reason: "invalid.document"},
		"a directive ten times":            {body: document("{ __typename " + strings.Repeat("@aa", 10) + " }"), reason: "invalid.query_directive_repeated"},
		"a real directive twice":           {body: document("{ __typename @skip(if: false) @skip(if: false) }"), reason: "invalid.query_directive_repeated"},
		"directives on many fields":        {body: document("{ me { " + repeated(11, "a#: id @include(if: true) @skip(if: false) ") + "} }"), reason: "invalid.query_too_many_directives"},
		"eleven operations":                {body: document(repeated(11, "query q# { me { id } } ")), reason: "invalid.query_too_many_operations"},
		"comments":                         {body: document(strings.Repeat("#\n", 5000) + "{ me { id } }"), reason: "invalid.query_too_long"},
	}
}

// loops lead nowhere, or very deep.
func loops(t *testing.T) map[string]assault {
	t.Helper()
	introspection, err := os.ReadFile("../graph/limit/testdata/introspection.graphql")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]assault{
		"a fragment bomb of 877 bytes": {body: document(fragmentBomb(23)), reason: "invalid.query_too_many_repeats"},
		"a fragment bomb of 26 levels": {body: document(fragmentBomb(26)), reason: "invalid.query_too_many_repeats"},
		"a circle of fragments":        {body: document("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"), reason: "invalid.query_fragment_cycle"},
		"a fragment in itself":         {body: document("{ ...a } fragment a on Query { __typename ...a }"), reason: "invalid.query_fragment_cycle"},
		"a circle that nobody spreads": {body: document("{ me { id } } fragment a on Query { ...a }"), reason: "invalid.query_fragment_cycle"},
		"overlapping fragments": {
			body:   document("{ me {" + repeated(40, "...f# ") + "} } " + repeated(40, "fragment f# on Account { id phone name locale unknown } ")),
			reason: "invalid.document",
		},
		"forty levels":            {body: document(`{ orgUnit(id: "440303000000") { ` + strings.Repeat("parent { ", 40) + "id" + strings.Repeat(" }", 40) + " } }"), reason: "invalid.query_too_deep"},
		"450 brackets of a type":  {body: document("query ($a: " + strings.Repeat("[", 450) + "Int" + strings.Repeat("]", 450) + ") { me { id } }"), reason: "invalid.document"},
		"450 brackets of a value": {body: document("{ orgUnit(id: " + strings.Repeat("[", 450) + strings.Repeat("]", 450) + ") { id } }"), reason: "invalid.document"},
		"ten thousand brackets":   {body: document(strings.Repeat("{a", 10_000)), reason: "invalid.query_too_long"},
		"a list of lists": {
			body:   document(`{ incidents(orgUnitId: "440303001000", first: 100) { nodes { dispatch { alerts(first: 100) { nodes { id } } } } } }`),
			reason: "invalid.query_too_costly",
		},
		"a million of a list": {body: document(`{ myAlerts(first: 1000000) { nodes { id } } }`), reason: "invalid.query_too_costly"},
		"the whole schema":    {body: document(string(introspection)), reason: "invalid.introspection"},
		"the schema's circle": {
			body:   document("{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }"),
			reason: "invalid.document",
		},
		"the schema's circle by ofType": {body: document("{ __schema { types { " + strings.Repeat("ofType { ", 13) + "name" + strings.Repeat(" }", 15) + " }"), reason: "invalid.query_too_deep"},
		"the schema three times":        {body: document("{ " + repeated(3, "a#: __schema { types { name } } ") + "}"), reason: "invalid.query_too_many_introspections"},
		"a deferred fragment":           {body: document("{ me { ... @defer { responder { id } } } }"), reason: "invalid.query_deferred"},
	}
}

// probes want to learn what there is.
func probes() map[string]assault {
	nothing := `{"data":{"__typename":"Query"}}`
	return map[string]assault{
		"one type":                     {body: document(`{ __type(name: "Query") { name } }`), reason: "invalid.introspection"},
		"a misspelt field":             {body: document("{ mee { id } }"), reason: "invalid.document"},
		"a misspelt field of __schema": {body: document("{ __schema { directive } }"), reason: "invalid.document"},
		"a misspelt argument":          {body: document(`{ orgUnit(idd: "1") { id } }`), reason: "invalid.document"},
		"a misspelt type":              {body: document("{ me { ... on Acount { id } } }"), reason: "invalid.document"},
		"a misspelt enum value":        {body: document(`{ responders(orgUnitId: "1", status: ACTIV) { nodes { id } } }`), reason: "invalid.document"},
		"a misspelt input field":       {body: document(`mutation { signIn(input: {phon: "x"}) { accessToken } }`), reason: "invalid.document"},
		"a field without its fields":   {body: document("{ me }"), reason: "invalid.document"},
		"an unhandled error":           {body: document("qwerty cop { abc }"), reason: "invalid.document"},
		"a syntax error":               {body: document("{ me { id "), reason: "invalid.document"},
		"a null byte":                  {body: document("{ me { id } }\x00"), reason: "invalid.document"},
		"nothing but a fragment":       {body: document("fragment a on Query { me { id } }"), reason: "invalid.document"},
		"two operations and no name":   {body: document("query a { me { id } } query b { me { id } }"), reason: "invalid.document"},
		"tracing":                      {body: []byte(`{"query":"{ __typename }","extensions":{"tracing":true,"debug":1}}`), harmless: nothing},
		"tracing by header":            {body: document("{ __typename }"), header: [2]string{"X-Apollo-Tracing", "1"}, harmless: nothing, httpOnly: true},
		"a hash in place of a query": {
			body:   []byte(`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38"}}}`),
			status: http.StatusBadRequest, reason: "invalid.request_without_query", httpOnly: true,
		},
	}
}

// forgeries are what another site could have a browser send, and other requests
// that are none.
func forgeries() map[string]assault {
	form := func(contentType, body string) assault {
		return assault{
			header: [2]string{"Content-Type", contentType}, body: []byte(body),
			status: http.StatusUnsupportedMediaType, reason: "invalid.request_not_json", httpOnly: true,
		}
	}
	get := func(query string) assault {
		return assault{method: http.MethodGet, target: "?query=" + query, status: http.StatusMethodNotAllowed, reason: "invalid.request_not_post", httpOnly: true}
	}
	const json = `{"query":"mutation { signOut { signedOutAt } }"}`
	malformed := func(body string) assault {
		return assault{body: []byte(body), status: http.StatusBadRequest, reason: "invalid.request_malformed", httpOnly: true}
	}
	batched := func(body string) assault {
		return assault{body: []byte(body), status: http.StatusBadRequest, reason: "invalid.request_batched", httpOnly: true}
	}
	return map[string]assault{
		"a mutation by GET": get("mutation%7BsignOut%7BsignedOutAt%7D%7D"),
		"a query by GET":    get("%7Bme%7Bid%7D%7D"),
		"the schema by GET": get("%7B__schema%7Btypes%7Bname%7D%7D%7D"),
		"an EventSource": {
			method: http.MethodGet, target: "?query=subscription%7BmyAlertsUpdated%7Bid%7D%7D", header: [2]string{"Accept", "text/event-stream"},
			status: http.StatusMethodNotAllowed, reason: "invalid.request_not_post", httpOnly: true,
		},
		"a mutation by HEAD":         {method: http.MethodHead, target: "?query=mutation%7BsignOut%7BsignedOutAt%7D%7D", status: http.StatusMethodNotAllowed, harmless: "", httpOnly: true},
		"a mutation by PUT":          {method: http.MethodPut, body: []byte(json), status: http.StatusMethodNotAllowed, reason: "invalid.request_not_post", httpOnly: true},
		"a mutation in the address":  {target: "?query=mutation%7BsignOut%7BsignedOutAt%7D%7D", body: []byte("{}"), status: http.StatusBadRequest, reason: "invalid.request_without_query", httpOnly: true},
		"a form":                     form("application/x-www-form-urlencoded", "query=mutation%7BsignOut%7BsignedOutAt%7D%7D"),
		"a form with files":          form("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n"+json+"\r\n--x--\r\n"),
		"JSON as plain text":         form("text/plain", json),
		"JSON as nothing":            form("", json),
		"JSON as two things":         form("text/plain, application/json", json),
		"compressed JSON":            {header: [2]string{"Content-Encoding", "gzip"}, body: []byte("\x1f\x8b"), status: http.StatusUnsupportedMediaType, reason: "invalid.request_not_json", httpOnly: true},
		"a batch of two":             batched(`[{"query":"{me{id}}"},{"query":"{me{id}}"}]`),
		"a batch of ten thousand":    batched("[" + strings.Repeat(`{"query":"{me{id}}"},`, 10_000) + `{"query":"{me{id}}"}]`),
		"an empty batch":             batched("[]"),
		"no JSON, with a password":   malformed(`{"query": "hunter2`),
		"nothing":                    malformed(""),
		"a number":                   malformed("1"),
		"two requests":               malformed(`{"query":"{me{id}}"}{"query":"{me{id}}"}`),
		"a hundred thousand braces":  malformed(`{"query":"{me{id}}","variables":{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}}"),
		"variables that are a list":  malformed(`{"query":"{me{id}}","variables":["hunter2"]}`),
		"a query that is no text":    malformed(`{"query":{"hunter2":1}}`),
		"no query":                   {body: []byte("{}"), status: http.StatusBadRequest, reason: "invalid.request_without_query", httpOnly: true},
		"a body of 1 MB":             {body: []byte(strings.Repeat(" ", 1<<20)), status: http.StatusRequestEntityTooLarge, reason: "invalid.request_too_large", httpOnly: true},
		"a subscription without end": {body: document("subscription { myAlertsUpdated { id } }"), status: http.StatusBadRequest, reason: "invalid.request_not_streamed", httpOnly: true},
	}
}

// bulks are well made, and long.
func bulks() map[string]assault {
	const unit = "query ($a: ID!) { orgUnit(id: $a) { id } }"
	text := func(n int, s string) string { return `{"a":"` + strings.Repeat(s, n/len(s)) + `"}` }
	const size = 200_000
	return map[string]assault{
		"a name of 30 KB":        {body: document("{ " + strings.Repeat("x", 30_000) + " }"), reason: "invalid.document"},
		"a value of 30 KB":       {body: document("{ me { id @include(if: " + strings.Repeat("x", 30_000) + ") } }"), reason: "invalid.document"},
		"a text of escapes":      {body: document(`{ orgUnit(id: "` + strings.Repeat(`\u4e2d`, 5000) + `") { id } }`), reason: "not_found.unit"},
		"an operation's name":    {body: []byte(`{"query":"query a { me { id } }","operationName":"` + strings.Repeat("x", size) + `"}`), reason: "invalid.document"},
		"an id":                  {body: given(unit, text(size, "4")), reason: "not_found.unit"},
		"deep variables":         {body: given(unit, `{"a":`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+"}"), reason: "invalid.document"},
		"ten thousand variables": {body: given(unit, `{"a":"x"`+repeated(10_000, `,"b#":1`)+"}"), reason: "not_found.unit"},
		"a phone":                {body: given("mutation ($a: PhoneNumber!) { requestSignInCode(input: {phone: $a}) { expiresAt } }", text(size, "1")), reason: "invalid.phone"},
		"a phone of brackets":    {body: given("mutation ($a: PhoneNumber!) { requestSignInCode(input: {phone: $a}) { expiresAt } }", text(size, "+86(")), reason: "invalid.phone"},
		"a phone's extensions":   {body: given("mutation ($a: PhoneNumber!) { requestSignInCode(input: {phone: $a}) { expiresAt } }", text(size, "+86 138 0000 0000 ext 1")), reason: "invalid.phone"},
		"a code":                 {body: given(`mutation ($a: String!) { signIn(input: {phone: "+8613800000000", code: $a}) { accessToken } }`, text(size, "1")), reason: "unauthenticated.code"},
		"a refresh token":        {body: given("mutation ($a: String!) { refreshSession(input: {refreshToken: $a}) { accessToken } }", text(size, "1")), reason: "unauthenticated.token"},
		"a certificate's number": {body: given("query ($a: String!) { verifyCertificate(number: $a) { number } }", text(size, "1")), reason: "invalid.certificate_number"},
		"a cursor":               {body: given("query ($a: String!) { orgUnits(after: $a) { nodes { id } } }", text(size, "A")), reason: "invalid.cursor"},
		"a time":                 {body: given("mutation ($a: DateTime!) { setAvailability(input: {onDuty: true, until: $a}) { availability { onDuty } } }", text(size, "2026-")), reason: "invalid.date_time"},
		"an integer":             {body: given("query ($a: Int!) { orgUnits(first: $a) { nodes { id } } }", `{"a":`+strings.Repeat("1", size)+"}"), reason: "invalid."},
		"an exponent":            {body: given("query ($a: Int!) { orgUnits(first: $a) { nodes { id } } }", `{"a":1e999999999}`), reason: "invalid."},
		"an enum value":          {body: given(`query ($a: ResponderStatus) { responders(orgUnitId: "1", status: $a) { nodes { id } } }`, text(size, "x")), reason: "invalid.document"},
		"an input's field":       {body: given("mutation ($a: SignInInput!) { signIn(input: $a) { accessToken } }", `{"a":{"`+strings.Repeat("x", size)+`":1}}`), reason: "invalid.document"},
	}
}

// headers are as long as the server reads them (see app.serve), and full.
func headers() map[string]assault {
	all := map[string]assault{}
	for name, h := range map[string][2]string{
		"Accept":          {"Accept", "application/json" + strings.Repeat(",a/b;q=0.1", 1500)},
		"Accept-Language": {"Accept-Language", strings.Repeat("zh-CN,", 2500)},
		"dashes":          {"Accept-Language", "a" + strings.Repeat("-", 15_000)},
		"Content-Type":    {"Content-Type", "application/json; a=b" + strings.Repeat("; a=c", 2500)},
		"X-Forwarded-For": {"X-Forwarded-For", strings.Repeat("192.0.2.1,", 1500)},
		"Cookie":          {"Cookie", strings.Repeat("a=b;", 3500)},
		"Origin":          {"Origin", "https://" + strings.Repeat("a.", 7000)},
	} {
		all["a long header: "+name] = assault{header: h, body: document("{ __typename }"), harmless: `{"data":{"__typename":"Query"}}`, httpOnly: true}
	}
	for name, token := range map[string]string{"letters": strings.Repeat("e", 15_000), "dots": strings.Repeat(".", 15_000)} {
		all["a long token of "+name] = assault{header: [2]string{"Authorization", "Bearer " + token}, body: document("{ me { id } }"), reason: "unauthenticated.token", httpOnly: true}
	}
	// A media type whose parameters repeat is none.
	odd := all["a long header: Content-Type"]
	odd.status, odd.reason, odd.harmless = http.StatusUnsupportedMediaType, "invalid.request_not_json", ""
	all["a long header: Content-Type"] = odd
	return all
}
