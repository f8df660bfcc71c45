# Has GitLab's own class read push options: ruby gitlab_push_options.rb PATH/TO/lib/gitlab/push_options.rb
# Each line of the input is a JSON array of options; each line of the output is what the class makes of it: {"options": ...}, and
# for a single option {"one": [namespace, key, value] or null}. The first line of the output is what the class knows.
require 'json'
require 'active_support'
require 'active_support/core_ext'

module Gitlab
  # GitLab's own needs the re2 gem. Of the one pattern that is used here, Ruby finds the same.
  class UntrustedRegexp
    def initialize(pattern) = @regexp = Regexp.new(pattern)
    def match(text) = @regexp.match(text)
  end
end

load ARGV.fetch(0)
$stdout.sync = true
klass = Gitlab::PushOptions
puts JSON.generate(known: klass::VALID_OPTIONS.flat_map { |namespace, of| of[:keys].map { |key| "#{namespace}.#{key}" } },
  many: klass::MULTI_VALUE_OPTIONS.map { |pair| pair.join('.') })
STDIN.each_line do |line|
  list = JSON.parse(line)
  answer = begin
    { options: klass.new(list).options }
  rescue StandardError => e
    { error: e.class.name }
  end
  if list.size == 1
    namespace, key, value = klass.new([]).send(:parse_option, list.first)
    answer[:one] = namespace && [namespace, key, value]
  end
  puts JSON.generate(answer)
end
