# frozen_string_literal: true

# A stand-in for the part of GitLab that reads a request: every REST route of routes/testdata/gitlab-rest.tsv, in the
# order and with the capture requirements and formats of gitlab-route-order.tsv, in Grape behind Rails' request layer, on
# Puma. Each endpoint answers with the route that was taken and the parameters as Grape and as Rails see them.
#
# ROUTES_DIR names the folder of the two tables.

require 'csv'
require 'json'
require 'grape'
require 'action_dispatch'
require 'action_controller'
require 'rack/method_override'

# GitLab does not let declared parameter types into route matching (config/initializers, 19.3); Grape 1.6 has no such
# coupling, so nothing is to be done here.

ROWS = lambda do |name|
  File.readlines(File.join(ENV.fetch('ROUTES_DIR'), name), chomp: true)
      .reject { |line| line.start_with?('#') }
      .map { |line| line.split("\t", -1) }
end

ORDERED = ROWS.call('gitlab-route-order.tsv')
          .map { |order, method, path, requirements, formats, _| [order.to_i, method, path, requirements, formats] }
          .sort_by(&:first)
known = ORDERED.map { |_, method, path, *| [method, path] }.to_h { |k| [k, true] }
NEWER = ROWS.call('gitlab-rest.tsv').map { |r| [r[5], r[6]] }.uniq
                               .reject { |method, path| known[[method, path]] || method == '*' }
                               .map { |method, path| [0, method, path, '{"id": "[^/]+"}', ''] }

REQUIREMENTS = lambda do |json, formats|
  wanted = JSON.parse(json).to_h { |name, expression| [name.to_sym, Regexp.new(expression)] }
  case formats
  when '' then wanted
  when 'none' then wanted.merge(format: /(?!)/)
  else wanted.merge(format: Regexp.union(formats.split(',')))
  end
end

# What an endpoint says of the request it got.
SEEN = lambda do |env, grape_params, route, declared|
  rails = ActionDispatch::Request.new(env)
  rails_params = begin
    rails.params.to_h
  rescue StandardError => e
    { 'error' => e.class.name }
  end
  basic = begin
    ActionController::HttpAuthentication::Basic.user_name_and_password(rails) if ActionController::HttpAuthentication::Basic.has_basic_credentials?(rails)
  rescue StandardError
    nil
  end
  {
    route: declared, pattern: route, method: env['REQUEST_METHOD'], grape: grape_params, rails: rails_params,
    path: env['PATH_INFO'], query: env['QUERY_STRING'],
    private_token: env['HTTP_PRIVATE_TOKEN'], authorization: env['HTTP_AUTHORIZATION'], basic: basic, sudo: env['HTTP_SUDO'],
    headers: env.select { |name, _| name.start_with?('HTTP_') || %w[CONTENT_TYPE CONTENT_LENGTH].include?(name) }
  }
end

class API < Grape::API
  prefix :api
  version 'v4', using: :path
  format :json
  content_type :json, 'application/json'
  default_error_formatter :json

  helpers do
    def seen(declared)
      SEEN.call(env, params.to_hash, env['grape.routing_args'][:route_info]&.pattern&.origin, declared)
    end
  end

  (ORDERED + NEWER).each do |_, method, path, requirements, formats|
    next if path.start_with?('/api/')

    declared = "#{method} #{path}"
    verb = method == '*' ? :any : method.downcase.to_sym
    route verb, path.delete_prefix('/'), requirements: REQUIREMENTS.call(requirements, formats) do
      status 200
      seen(declared)
    end
  end

  route :any, '*path' do
    error!({ error: '404 Not Found' }, 404)
  end
end

# The router asks whether what it mounts is a Railtie; nothing here is.
module Rails
  Railtie = Class.new
end

APP = ActionDispatch::Routing::RouteSet.new
APP.draw do
  %w[graphql glql].each do |name|
    match "/api/#{name}", via: %i[get post], to: lambda { |env|
      [200, { 'Content-Type' => 'application/json' }, [SEEN.call(env, {}, "/api/#{name}", "ANY /api/#{name}").to_json]]
    }
  end
  mount API => '/'
end

use Rack::MethodOverride
run APP
