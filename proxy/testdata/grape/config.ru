# frozen_string_literal: true

# A stand-in for the part of GitLab that reads a request: every REST route of routes/testdata/gitlab-rest.tsv, in the
# order and with the capture requirements and formats of gitlab-route-order.tsv, in Grape behind Rails' request layer, on
# Puma. Each endpoint answers with the route that was taken, the parameters as Grape and as Rails see them, the credential
# that GitLab's finders would use, and the user that `sudo` would make of it.
#
# ROUTES_DIR names the folder of the two tables. A HEAD request has no answer to read, and others' answers may be changed on their
# way: what each saw is kept, and given out once at /-/seen/<X-Request-Id>.
#
# What it lacks, and why the test is no weaker for it:
#   - Workhorse, but for the one thing that matters here: it takes the bodies of some uploads off. The test itself applies
#     what Workhorse does to a path (path.Clean must change nothing).
#   - GitLab's guards before the router (path traversal, malformed strings, limits): more reaches the router here.
#   - Grape 2.4 (here 1.6), Rails 7.2 (here 6.1), Puma 8 (here 5.6), Rack 2.2 as in GitLab.
#   - declared parameter types, which GitLab keeps out of route matching.

require 'csv'
require 'digest/sha2' # by name: loaded at the first use, by several threads at once, its class may be half made
require 'json'
require 'grape'
require 'action_dispatch'
require 'action_controller'
require 'rack/method_override'

# GitLab separates query parameters by & alone (config/initializers/rack_VULNDB-255039_patch.rb, 19.3).
Rack::Request::Helpers.module_eval do
  def GET # rubocop:disable Naming/MethodName
    return get_header(Rack::RACK_REQUEST_QUERY_HASH) if get_header(Rack::RACK_REQUEST_QUERY_STRING) == query_string

    query_hash = parse_query(query_string, '&')
    set_header(Rack::RACK_REQUEST_QUERY_STRING, query_string)
    set_header(Rack::RACK_REQUEST_QUERY_HASH, query_hash)
  end
end

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

# JSON cannot hold everything that a parameter may be: files and bytes that are not UTF-8 become objects with one key.
PRINTABLE = lambda do |value|
  case value
  when Hash
    file = value[:tempfile] || value['tempfile']
    next PRINTABLE_FILE.call(value[:filename] || value['filename'], value[:type] || value['type'], file) if file

    value.to_h { |k, v| [PRINTABLE.call(k.to_s), PRINTABLE.call(v)] }
  when Array then value.map(&PRINTABLE)
  when ActionDispatch::Http::UploadedFile then PRINTABLE_FILE.call(value.original_filename, value.content_type, value.tempfile)
  when String
    text = value.dup.force_encoding(Encoding::UTF_8)
    text.valid_encoding? ? text : { '(bytes)' => value.unpack1('H*') }
  when Numeric, true, false, nil then value
  else value.to_s
  end
end
PRINTABLE_FILE = lambda do |filename, type, file|
  file.rewind
  content = file.read
  file.rewind
  { '(file)' => [PRINTABLE.call(filename), type, content.bytesize, Digest::SHA256.hexdigest(content)] }
end

# Every place of a request in which GitLab finds a credential, in the order in which its finders look for a personal
# access token (lib/gitlab/auth/auth_finders.rb, 19.3), then those for other tokens. The first is what GitLab would use.
CREDENTIALS = lambda do |env, params|
  params = {} unless params.is_a?(Hash)
  authorization = env['HTTP_AUTHORIZATION'].to_s
  scheme, rest = authorization.split(' ', 2)
  basic = scheme&.casecmp?('basic') ? rest.to_s.unpack1('m').split(':', 2)[1] : nil
  places = {
    'parameter private_token' => params['private_token'], 'header PRIVATE-TOKEN' => env['HTTP_PRIVATE_TOKEN'],
    'parameter access_token' => params['access_token'],
    'bearer' => (rest if scheme&.casecmp?('bearer')), 'parameter bearer_token' => params['bearer_token'],
    'basic' => basic,
    'parameter job_token' => params['job_token'], 'parameter token' => params['token'], 'header JOB-TOKEN' => env['HTTP_JOB_TOKEN'],
    'header Deploy-Token' => env['HTTP_DEPLOY_TOKEN'], 'header X-NuGet-ApiKey' => env['HTTP_X_NUGET_APIKEY'],
    'authorization' => (authorization unless authorization.empty? || %w[basic bearer].include?(scheme.downcase)),
    'parameter feed_token' => params['feed_token'], 'parameter rss_token' => params['rss_token'],
    'header Runner-Token' => env['HTTP_RUNNER_TOKEN'], 'header Token' => env['HTTP_TOKEN'],
    'header Unleash-InstanceId' => env['HTTP_UNLEASH_INSTANCEID'],
    'header X-Gitlab-Static-Object-Token' => env['HTTP_X_GITLAB_STATIC_OBJECT_TOKEN'],
    'cookie' => env['HTTP_COOKIE']
  }
  env.each { |name, value| places["header #{name}"] = value if name.start_with?('HTTP_GITLAB_') }
  places.reject { |_, value| value.nil? || value.respond_to?(:empty?) && value.empty? }
        .map { |place, value| [place, PRINTABLE.call(value)] }
end

KEPT = {} # what requests saw, by their id
KEPT_LOCK = Mutex.new

# What an endpoint says of the request it got.
SEEN = lambda do |env, grape_params, pattern, declared|
  rails = ActionDispatch::Request.new(env)
  rails_params = begin
    rails.params.to_h
  rescue StandardError => e
    { '(error)' => e.class.name }
  end
  said = {
    route: declared, pattern: pattern, method: env['REQUEST_METHOD'],
    original_method: env['rack.methodoverride.original_method'] || env['REQUEST_METHOD'],
    target: env['REQUEST_URI'], grape: PRINTABLE.call(grape_params), rails: PRINTABLE.call(rails_params),
    credentials: CREDENTIALS.call(env, rails_params), sudo: PRINTABLE.call(grape_params['sudo'] || env['HTTP_SUDO']),
    body_taken: env['stand_in.body_taken'], host: env['HTTP_HOST'], remote: rails.remote_ip.to_s,
    headers: env.select { |name, _| name.start_with?('HTTP_') || %w[CONTENT_TYPE CONTENT_LENGTH].include?(name) }
                .transform_values(&PRINTABLE)
  }
  id = env['HTTP_X_REQUEST_ID']
  KEPT_LOCK.synchronize { KEPT[id] = said } if id
  said
rescue StandardError => e
  { route: declared, error: "#{e.class}: #{e.message}" }
end

class API < Grape::API
  prefix :api
  version 'v4', using: :path
  format :json
  content_type :json, 'application/json'
  # Grape 2.4 takes any type on the routes that declare it; here a type of its own stands for them.
  content_type :binary, 'application/octet-stream'
  parser :binary, ->(_body, _env) { {} }
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
    status 404
    seen('* /*path')
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
  get '/-/seen/:id', to: lambda { |env|
    id = env['action_dispatch.request.path_parameters'][:id]
    said = KEPT_LOCK.synchronize { KEPT.delete(id) }
    [said ? 200 : 404, { 'Content-Type' => 'application/json' }, [said.to_json]]
  }
  mount API => '/'
end

# GitLab answers `go get` on any path, before the router (lib/gitlab/middleware/go.rb, 19.3).
class GoGet
  def initialize(app)
    @app = app
  end

  def call(env)
    asked = begin
      ActionDispatch::Request.new(env).params['go-get'].to_i == 1
    rescue StandardError
      false
    end
    return @app.call(env) unless asked

    [200, { 'Content-Type' => 'application/json' }, [SEEN.call(env, {}, 'go-get', 'the go-get middleware').to_json]]
  end
end

# Counts what arrives, and marks what was answered here: a gateway's own answers do not have the mark.
class Counted
  COUNT = Queue.new

  def initialize(app)
    @app = app
  end

  def call(env)
    return [200, { 'Content-Type' => 'text/plain' }, [COUNT.size.to_s]] if env['REQUEST_URI'] == '/-/count'

    COUNT << true unless env['REQUEST_URI'].start_with?('/-/seen/')
    status, headers, body = @app.call(env)
    [status, headers.merge('X-Stand-In' => 'grape'), body]
  end
end

# Workhorse stores the bodies of these requests and sends a form without the content (workhorse/internal/upstream, 19.3).
class Workhorse
  PROJECT = '^/api/v4/projects/[^/]+'
  UPLOADS = [
    ['POST', %r{#{PROJECT}/terraform/state/(?![^/]+/lock)}], ['PUT', %r{#{PROJECT}/packages/maven/}],
    ['PUT', %r{#{PROJECT}/packages/npm/(?!-/package/[^/]+/dist-tags/[^/]+)}], ['PUT', %r{^/api/v4/packages/conan/}],
    ['PUT', %r{#{PROJECT}/packages/(conan|generic|ml_models|debian)/}], ['POST', %r{#{PROJECT}/packages/(rpm|rubygems)/}],
    ['PUT', %r{#{PROJECT}/packages/terraform/modules/}]
  ].freeze

  def initialize(app)
    @app = app
  end

  def call(env)
    path = env['REQUEST_URI'].split('?', 2).first
    if UPLOADS.any? { |method, pattern| env['REQUEST_METHOD'] == method && path.match?(pattern) }
      env['rack.input'].read
      env['rack.input'] = StringIO.new
      env['CONTENT_LENGTH'] = '0'
      env['CONTENT_TYPE'] = 'application/x-www-form-urlencoded'
      env['stand_in.body_taken'] = true
    end
    @app.call(env)
  end
end

use Counted
use Workhorse
use Rack::MethodOverride
use GoGet
run APP
