# frozen_string_literal: true

threads 4, 4
workers 0
log_requests false
quiet

# The test holds the other end of standard input: when it is gone, nothing is left behind.
Thread.new do
  $stdin.read
  exit!
end
