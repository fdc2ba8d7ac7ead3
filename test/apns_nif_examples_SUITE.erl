%% @doc What the documentation tells to paste into a shell does what it says there.
-module(apns_nif_examples_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, end_per_testcase/2]).
-export([
    the_readme_shows_an_accepted_push/1,
    the_reference_begins_with_an_accepted_push/1,
    the_module_begins_with_an_accepted_push/1
]).

-define(APP, <<"im.example.chat">>).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [
        the_readme_shows_an_accepted_push,
        the_reference_begins_with_an_accepted_push,
        the_module_begins_with_an_accepted_push
    ].

end_per_testcase(_Case, _Config) ->
    ok = apns_nif:stop_app(?APP, 0).

the_readme_shows_an_accepted_push(_Config) ->
    %% The section "See a push" ends in the outcome, in the words that are printed below it.
    [Code, Printed | _] = blocks("README.md"),
    Outcome = run(Code),
    ?assertMatch(#{event := accepted, owner := <<"bob@example.org">>}, Outcome),
    Shown = run([Printed, "."]),
    Random = [apns_id, unique_id],
    ?assertEqual(maps:keys(Outcome), maps:keys(Shown)),
    ?assertEqual(maps:without(Random, Outcome), maps:without(Random, Shown)).

the_reference_begins_with_an_accepted_push(_Config) ->
    %% The first example of docs/apns_nif.md matches each answer, up to the end of the app.
    [Code | _] = blocks("docs/apns_nif.md"),
    ?assertEqual(ok, run(Code)),
    ?assertEqual({error, unknown_app}, apns_nif:stats(?APP)).

the_module_begins_with_an_accepted_push(_Config) ->
    %% The example that h(apns_nif) shows does, too. It talks to Apple: here it is led elsewhere.
    [_, After] = string:split(text("erlang_src/apns_nif/src/apns_nif.erl"), "%% ```\n"),
    [Comment, _] = string:split(After, "%% '''\n"),
    Lines = string:split(Comment, "\n", all),
    Code = [string:prefix(Line, "%% ") || Line <- Lines, Line =/= <<>>],
    Here = "outcomes => all, ca_file => <<\"/tmp/apns_sim/ca.pem\">>, "
        "environment => <<\"https://127.0.0.1:2197\">>",
    ?assertEqual(ok, run(string:replace(lists:join($\n, Code), "outcomes => all", Here))),
    ?assertEqual({error, unknown_app}, apns_nif:stats(?APP)).

%% The value of the last of the expressions, evaluated as a shell does, with a simulator in the
%% place of the one that the reader is told to start.
run(Code) ->
    #{environment := Url, ca_file := CaFile, key_file := KeyFile, team_id := TeamId} =
        apns_simulator:config(apns_simulator:start()),
    Here = lists:foldl(
        fun({Told, Real}, Text) -> string:replace(Text, Told, Real, all) end,
        Code,
        [
            {"https://127.0.0.1:2197", Url},
            {"/tmp/apns_sim/ca.pem", CaFile},
            {"/tmp/apns_sim/AuthKey_SIMKEY0001.p8", KeyFile},
            {"/etc/ejabberd/AuthKey_ABC123DEFG.p8", KeyFile},
            {"DEF123GHIJ", TeamId}
        ]
    ),
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Here)),
    {value, Value, _} = lists:foldl(
        fun(Expression, {value, _, Bindings}) -> erl_eval:expr(Expression, Bindings) end,
        {value, none, erl_eval:new_bindings()},
        expressions(Tokens, [])
    ),
    Value.

expressions([], Expressions) ->
    lists:append(lists:reverse(Expressions));
expressions(Tokens, Expressions) ->
    {Form, [Dot | Rest]} = lists:splitwith(fun(Token) -> element(1, Token) =/= dot end, Tokens),
    {ok, Parsed} = erl_parse:parse_exprs(Form ++ [Dot]),
    expressions(Rest, [Parsed | Expressions]).

%% The blocks of Erlang in a page.
blocks(Page) ->
    [_ | Parts] = string:split(text(Page), "```erlang\n", all),
    [hd(string:split(Part, "```")) || Part <- Parts].

text(File) ->
    [Top, _] = string:split(code:which(?MODULE), "/_build/"),
    {ok, Text} = file:read_file(filename:join(Top, File)),
    Text.
