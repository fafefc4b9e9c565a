//go:build race

package main

// raceDetector says whether the race detector watches, which takes its time.
const raceDetector = true
