# Reads texts as GitLab 19.3 does before it carries out commands: carriage returns go, and in what is left a line that begins
# with a slash and a command's name, without regard to case, is a command when the line or a blank and an argument follows.
# What Markdown hides is not hidden here: the scan must find at least these. The name counts when it is one in small letters.
#
# Input: a line with the names, as JSON; then a text on each line, as JSON. Output: the names that each text holds, as JSON.
require 'json'

names = JSON.parse($stdin.gets)
line = /^\/(#{Regexp.union(names).source})(?: [^\n]*)?(?:\s*\n|$)/i
$stdin.each_line do |text|
  found = JSON.parse(text, quirks_mode: true).delete("\r").scan(line).flatten.map(&:downcase) & names
  puts JSON.generate(found)
end
