// Package audit records what patgate decides. One Event describes one request; a Sink takes it twice, when the decision
// is made and when the answer is over. Log is the sink that writes lines, and it folds the same events into Counters,
// so that the log and the metrics cannot disagree.
package audit
