# frozen_string_literal: true

threads 2, 4
workers 0
log_requests false
quiet
