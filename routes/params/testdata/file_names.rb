# frozen_string_literal: true

# Reads a JSON list of multipart bodies, with "b" for a boundary, and says what Rack takes each for: a name, and of a file its
# file name, for each parameter.
require 'json'
require 'rack'
require 'stringio'

answers = JSON.parse($stdin.read).map do |body|
  body = body.b
  env = { 'CONTENT_TYPE' => 'multipart/form-data; boundary=b', 'CONTENT_LENGTH' => body.bytesize.to_s, 'rack.input' => StringIO.new(body) }
  params = Rack::Multipart.extract_multipart(Rack::Request.new(env))
  params.map { |name, value| [name, value.is_a?(Hash) ? value[:filename].to_s.dup.force_encoding('UTF-8').scrub : nil] }
end
puts JSON.generate(answers)
