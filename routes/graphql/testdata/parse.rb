# Reads a list of requests from its input and writes what graphql-ruby parses of each: see ruby_test.go for the form.
require "json"
require "graphql"

Nodes = GraphQL::Language::Nodes

def value(v)
  case v
  when Nodes::VariableIdentifier then { "v" => v.name }
  when Nodes::NullValue then nil
  when Nodes::Enum then { "e" => v.name }
  when Nodes::InputObject then { "o" => arguments(v.arguments) }
  when Array then { "l" => v.map { |item| value(item) } }
  when Integer then { "i" => v.to_s }
  when Float then { "f" => [v].pack("G").unpack1("H*") }
  else v # text, true and false
  end
end

def arguments(list)
  list.map { |a| [a.name, value(a.value)] }
end

def directives(list)
  list.map { |d| [d.name, arguments(d.arguments)] }
end

def type(t)
  case t
  when Nodes::NonNullType then type(t.of_type) + "!"
  when Nodes::ListType then "[" + type(t.of_type) + "]"
  else t.name
  end
end

def selections(list)
  list.map do |s|
    case s
    when Nodes::Field
      { "name" => s.name, "key" => s.alias || s.name, "arguments" => arguments(s.arguments),
        "directives" => directives(s.directives), "selections" => selections(s.selections) }
    when Nodes::FragmentSpread
      { "spread" => s.name, "directives" => directives(s.directives) }
    when Nodes::InlineFragment
      { "on" => s.type&.name.to_s, "directives" => directives(s.directives), "selections" => selections(s.selections) }
    end
  end
end

def definition(d)
  case d
  when Nodes::OperationDefinition
    { "operation" => d.operation_type, "name" => d.name.to_s, "directives" => directives(d.directives),
      "variables" => d.variables.map { |v| [v.name, type(v.type), v.default_value.nil? ? "none" : value(v.default_value)] },
      "selections" => selections(d.selections) }
  when Nodes::FragmentDefinition
    { "fragment" => d.name, "on" => d.type.name, "directives" => directives(d.directives),
      "selections" => selections(d.selections) }
  end
end

answers = JSON.parse($stdin.read).map do |body|
  request = JSON.parse(body)
  begin
    { "definitions" => GraphQL.parse(request["query"]).definitions.map { |d| definition(d) },
      "operation" => request["operationName"].to_s, "variables" => request["variables"] || {}, "members" => request.keys }
  rescue GraphQL::ParseError => e
    { "error" => e.message }
  end
end
puts JSON.generate(answers)
