# Every target is one plain command, which works by hand as well.

.DEFAULT_GOAL := help
.PHONY: help check test race bench generate lint audit tidy demo

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## everything that CI checks; some of it only where there is Node
	.ci/run

test: ## run the tests
	go test ./...

race: ## run the tests with the race detector; needs a C compiler
	go test -race ./...

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

generate: ## generate code from graph/schema and client/reference/operations
	go generate ./...

lint: ## formatting, vet and staticcheck
	.ci/run format vet staticcheck

audit: ## hold HTTP and the schema to the suites of others; needs Node
	.ci/run audit lint-schema

tidy: ## bring go.mod and go.sum up to date
	go mod tidy
	cd store/mongo/ferrettest && go mod tidy

demo: ## play one incident and keep serving
	go run ./server demo
