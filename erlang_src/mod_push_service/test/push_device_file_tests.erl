%% Lines of files, whatever their ends and lengths.
-module(push_device_file_tests).

-include_lib("eunit/include/eunit.hrl").

lines(Content) ->
    Path = path(),
    ok = file:write_file(Path, Content),
    try push_device_file:read(Path, fun(Lines, Acc) -> {more, Acc ++ Lines} end, [])
    after file:delete(Path)
    end.

path() ->
    Name = "push-file-" ++ binary_to_list(binary:encode_hex(crypto:strong_rand_bytes(8))),
    list_to_binary(filename:join(os:getenv("TMPDIR", "/tmp"), Name)).

lines_have_their_numbers_and_empty_ones_are_left_out_test() ->
    ?assertEqual({ok, [{1, <<"a">>}, {4, <<"b">>}]}, lines("a\n\n \nb\n")),
    ?assertEqual({ok, [{1, <<"a">>}, {2, <<"b">>}]}, lines("a\nb")),
    ?assertEqual({ok, []}, lines("")).

%% Blocks end where they will.
many_lines_come_whole_test() ->
    Many = [binary:copy(<<"x">>, N rem 997) || N <- lists:seq(1, 2000)],
    {ok, Read} = lines(lists:join("\n", Many)),
    ?assertEqual([Line || Line <- Many, Line =/= <<>>], [Line || {_, Line} <- Read]).

a_line_without_end_is_not_kept_test() ->
    Long = binary:copy(<<"x">>, 200000),
    ?assertEqual({ok, [{1, too_long}, {2, <<"b">>}]}, lines([Long, "\nb\n"])),
    ?assertEqual({ok, [{1, <<"a">>}, {2, too_long}]}, lines(["a\n", Long])).

reading_ends_when_it_is_told_to_test() ->
    Path = path(),
    ok = file:write_file(Path, [[integer_to_list(N), $\n] || N <- lists:seq(1, 100000)]),
    {ok, Calls} = push_device_file:read(Path, fun(_, N) -> {stop, N + 1} end, 0),
    ok = file:delete(Path),
    ?assertEqual(1, Calls).

%% Half a file with tokens must not stay behind, nor be taken for a whole one.
what_could_not_be_filled_leaves_nothing_test() ->
    Path = path(),
    ?assertEqual({error, why},
                 push_device_file:write(Path, fun(Put) -> ok = Put("half"), {error, why} end)),
    ?assertEqual([], filelib:wildcard(binary_to_list(Path) ++ "*")),
    ?assertError(crash, push_device_file:write(Path, fun(_) -> error(crash) end)),
    ?assertEqual([], filelib:wildcard(binary_to_list(Path) ++ "*")).

the_header_takes_its_place_test() ->
    Path = path(),
    Fill = fun(Put) -> ok = Put("___\nb\n"), {ok, <<"abc">>, 7} end,
    ?assertEqual({ok, 7}, push_device_file:write(Path, Fill)),
    {ok, Written} = file:read_file(Path),
    ok = file:delete(Path),
    ?assertEqual(<<"abc\nb\n">>, Written).
