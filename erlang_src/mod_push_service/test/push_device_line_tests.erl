%% What a device becomes as a line, and what of a line is no device.
-module(push_device_line_tests).

-include_lib("eunit/include/eunit.hrl").

-define(HOST, <<"example.org">>).
-define(NOW, 1764000000000).
-define(KEY, <<1:256>>).

device() ->
    #{us => {<<"bob">>, ?HOST}, app => <<"im.example.chat">>, token => <<"00fc13adff785122">>,
      kind => voip, device_id => <<"phone \"1\"\n">>, node => <<>>, name => <<"B\x{f6}b"/utf8>>,
      resource => <<"r">>, content => sender, language => <<"de">>, remove_on_logout => true,
      registered_at => 1700000000000}.

back(Device) ->
    push_device_line:read(push_device_line:device(Device), ?HOST, ?NOW, #{}).

a_device_comes_back_as_it_was_test() ->
    ?assertEqual({ok, device(), #{}}, back(device())).

what_another_version_adds_comes_back_as_it_was_test_() ->
    [{lists:flatten(io_lib:format("~p", [Value])),
      ?_assertEqual({ok, (device())#{more_of_it => Value}, #{<<"more_of_it">> => true}},
                    back((device())#{more_of_it => Value}))}
     || Value <- [0, -1, 1.5, true, none, <<>>, <<"text">>, <<255, 0>>, [], [1, [<<"a">>]], {},
                  {410, <<"Unregistered">>}, #{}, #{a => {1, [x]}, <<"hex">> => <<"b">>}]].

what_the_code_computes_with_comes_back_in_its_form_only_test_() ->
    Right = [#{last_used => 0}, #{last_used => ?NOW}, #{last_error => {?NOW, <<"BadTopic">>}},
             #{user_agent => <<"one">>}],
    Wrong = [#{last_used => <<"x">>}, #{last_used => -1}, #{last_used => ?NOW + 2 * 3600 * 1000},
             #{last_error => <<"x">>}, #{last_error => {<<"x">>, <<"BadTopic">>}},
             #{last_error => {?NOW + 2 * 3600 * 1000, <<"BadTopic">>}},
             #{last_error => {1, none}}, #{user_agent => 1},
             #{user_agent => binary:copy(<<"x">>, 1025)}],
    [?_assertMatch({ok, _, _}, back(maps:merge(device(), Fields))) || Fields <- Right]
        ++ [?_assertMatch({error, _}, back(maps:merge(device(), Fields))) || Fields <- Wrong].

a_line_is_one_line_test() ->
    ?assertEqual(nomatch, binary:match(push_device_line:device(device()), <<"\n">>)).

%% What others write needs no more.
user_app_token_and_time_are_enough_test() ->
    Line = <<"{\"user\":\"bob\",\"app\":\"im.example.chat\",\"token\":\"00FC13ADFF785122\","
             "\"registered_at\":5}">>,
    ?assertEqual({ok, (device())#{kind := alert, device_id := <<>>, name := <<>>, content := none,
                                  resource := <<>>, language := <<>>, remove_on_logout := false,
                                  registered_at := 5}, #{}},
                 push_device_line:read(Line, ?HOST, ?NOW, #{})).

%% Each would be an atom for ever.
fields_of_other_versions_are_so_many_at_most_test() ->
    Names = maps:from_list([{integer_to_binary(N), true} || N <- lists:seq(1, 64)]),
    Line = push_device_line:device((device())#{last_error => 1}),
    ?assertMatch({error, <<"too many fields", _/binary>>},
                 push_device_line:read(Line, ?HOST, ?NOW, Names)).

a_word_that_no_version_has_is_refused_test() ->
    Line = <<"{\"user\":\"bob\",\"app\":\"a\",\"token\":\"00fc13adff785122\",\"registered_at\":5,"
             "\"state\":{\"atom\":\"surely_no_atom_of_this_node\"}}">>,
    ?assertMatch({error, <<"a field has a word", _/binary>>},
                 push_device_line:read(Line, ?HOST, ?NOW, #{})).

%% The header is written anew in place.
headers_of_a_vhost_are_equally_long_test() ->
    Long = fun(Count) ->
        byte_size(push_device_line:header(#{host => ?HOST, count => Count, mac_key => ?KEY}))
    end,
    ?assertEqual(Long(0), Long(999999999999)).

a_header_comes_back_test() ->
    Header = #{host => ?HOST, count => 1234, mac_key => ?KEY},
    Line = push_device_line:header(Header),
    ?assertEqual({ok, Header}, push_device_line:read_header(Line, ?HOST)),
    ?assertMatch({error, <<"the file is of another vhost", _/binary>>},
                 push_device_line:read_header(Line, <<"example.com">>)).
