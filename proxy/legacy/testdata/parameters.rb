# frozen_string_literal: true

# Reads a JSON list of [content type, body, query] and writes which of them have a private_token for Rack.
require 'json'
require 'rack'
require 'stringio'

found = JSON.parse($stdin.read).map do |type, body, query|
  body = body.b
  env = { 'REQUEST_METHOD' => 'POST', 'CONTENT_LENGTH' => body.bytesize.to_s, 'QUERY_STRING' => query,
          'rack.input' => StringIO.new(body) }
  env['CONTENT_TYPE'] = type unless type.empty?
  begin
    Rack::Request.new(env).params.key?('private_token')
  rescue StandardError
    false
  end
end
puts JSON.generate(found)
