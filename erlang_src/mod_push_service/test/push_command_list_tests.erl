%% Help that people can read, in ejabberds that each print it in another way.
-module(push_command_list_tests).

-include_lib("eunit/include/eunit.hrl").
-include("ejabberd_commands.hrl").

%% {name, test}, for each command
each(Check) ->
    [{atom_to_list(Name), ?_test(Check(Command))}
     || #ejabberd_commands{name = Name} = Command <- push_command_list:commands()].

a_command_is_a_function_with_as_many_arguments_test_() ->
    {module, _} = code:ensure_loaded(push_commands),
    each(fun(#ejabberd_commands{module = Module, function = Function, args = Args}) ->
        ?assert(erlang:function_exported(Module, Function, length(Args)))
    end).

every_argument_has_a_description_and_an_example_test_() ->
    each(fun(#ejabberd_commands{args = Args, args_desc = Descs, args_example = Examples}) ->
        ?assertEqual(length(Args), length(Descs)),
        ?assertEqual(length(Args), length(Examples))
    end).

%% ejabberd 23.01 shows no other descriptions and examples.
help_has_an_example_test_() ->
    each(fun(#ejabberd_commands{name = Name, longdesc = Long}) ->
        ?assertNotEqual(nomatch, string:find(Long, "ejabberdctl " ++ atom_to_list(Name)))
    end).

%% A tilde would be a directive, and lines are not wrapped.
help_can_be_printed_as_it_stands_test_() ->
    each(fun(#ejabberd_commands{desc = Desc, longdesc = Long}) ->
        ?assertEqual([], [C || C <- Desc ++ Long, C =:= $~ orelse C > 126]),
        ?assertEqual([], [Line || Line <- string:split(Long, "\n", all), length(Line) > 85]),
        ?assert(length(Desc) =< 80)
    end).

an_example_of_a_result_has_its_form_test_() ->
    each(fun(#ejabberd_commands{result = Result, result_example = Example}) ->
        ?assert(fits(Example, Result))
    end).

fits({ok, Text}, {_, restuple}) -> is_list(Text);
fits(Rows, {_, {list, Row}}) -> lists:all(fun(R) -> fits(R, Row) end, Rows);
fits(Tuple, {_, {tuple, Fields}}) ->
    tuple_size(Tuple) =:= length(Fields)
        andalso lists:all(fun({V, F}) -> fits(V, F) end, lists:zip(tuple_to_list(Tuple), Fields));
fits(Value, {_, integer}) -> is_integer(Value);
fits(Value, {_, string}) -> is_list(Value).
